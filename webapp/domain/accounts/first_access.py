"""How somebody gets in without a password: the first time, or when it is forgotten.

A link or a code shows that a mail or a letter has arrived; the birth date (a technician) or the 事業者ID (a business),
which neither of them says, that it has reached the right one. Every wrong answer is the same sentence and work.
"""

import datetime as dt
from collections.abc import Callable

from peewee import IntegrityError

from db.database import transaction
from db.ids import new_id
from db.models import Account, ActivationCode, Business, EmailAddress, RecordVersion, SignInLink, Technician
from db.rows import require_row
from webapp.domain.accounts import accounts, limits, mails, password_change, passwords, sign_in_links
from webapp.domain.accounts.accounts import AccountKind, BusinessRole, SignedIn
from webapp.domain.accounts.limits import Budget
from webapp.domain.accounts.sign_in_links import Purpose
from webapp.domain.core.calendar import written_moment
from webapp.domain.core.events import EventName, record
from webapp.domain.core.language import N_
from webapp.domain.email_addresses.ways_in import way_in
from webapp.domain.parsing.dates import parse_date
from webapp.domain.parsing.problems import CellError
from webapp.domain.postcard import activation_codes

WRONG_LINK = N_("入力された内容が登録と一致しないか、リンクが使えません。もう一度確かめてください。")
WRONG_CODE = N_("入力された内容が登録と一致しないか、確認コードが使えません。もう一度確かめてください。")
TOO_SOON = N_(
    "登録の住所が最近変わったため、この確認コードはまだ使えません。変更から7日たってから、もう一度入力してください。"
)
BAD_NAME = N_("利用者名は、半角の英数字と . _ - を使い、2文字から40文字で入力してください。")
NAME_TAKEN = N_("この利用者名は使われています。ほかの利用者名にしてください。")

LIMIT_ADDRESS = 50
WINDOW = dt.timedelta(hours=1)
# So long has somebody with a confirmed e-mail address time to say that a new postal address is not theirs.
POSTAL_WAIT = dt.timedelta(days=7)


class Refused(ValueError):
    """Nobody gets in this way; `field` and `sentence` say what to look at, alike whether there is an account or not."""

    def __init__(self, field: str, sentence: str):
        super().__init__(sentence)
        self.field, self.sentence = field, sentence


def read_birth_date(text: str) -> dt.date | None:
    """Return the day that somebody typed in any of the usual ways; None for what is no day."""
    try:
        return parse_date(text.strip())
    except CellError:
        return None


def by_link(
    token: str,
    proof: str,
    password: str,
    secret: str,
    now: dt.datetime,
    *,
    network_address: str,
    user_agent: str,
    user_name: str = "",
    display_name: str = "",
) -> SignedIn:
    """Redeem a link: set the password and open a session.

    `proof` is the birth date for a technician's link, the 事業者ID for a business's. Refused, PasswordError or
    TooManyTries.
    """
    budgets = [_of_address(network_address)]
    passwords.check(password, (proof, user_name, display_name))
    limits.take(budgets, now)
    link = sign_in_links.find(token, secret, now)
    if link is None or not _proved(link, proof):
        if link is not None:
            sign_in_links.count_wrong(link)
        raise Refused("proof", WRONG_LINK)
    with transaction():
        limits.give_back(budgets, now)
        account = _account_of(link, user_name, display_name, now)
        if not sign_in_links.use(link, now):
            raise Refused("proof", WRONG_LINK)
        if link.address_id is not None:
            unconfirmed = (EmailAddress.id == link.address_id) & EmailAddress.confirmed_at.is_null()
            EmailAddress.update(confirmed_at=now).where(unconfirmed).execute()
        return _let_in(account, password, now, network_address, user_agent, {"by": link.purpose})


def by_code(
    typed_id: str,
    code: str,
    birth_date: str,
    password: str,
    secret: str,
    now: dt.datetime,
    *,
    network_address: str,
    user_agent: str,
) -> SignedIn:
    """Redeem the code of a technician's postcard: ID, code and birth date. Refused, PasswordError, TooManyTries.

    Five wrong codes with the right birth date kill it, and the person is told. A wrong birth date is no try: an ID is
    known to many, and behind it stand 50 random bits.
    """
    technician_id = accounts.digits(typed_id)
    person = Technician.get_or_none(Technician.technician_id == technician_id)
    day = read_birth_date(birth_date)

    def account() -> Account:
        if _moved_lately(person, now):
            raise Refused("code", TOO_SOON)
        return technician_account(person, now)

    proved = person is not None and day == person.birth_date
    return _redeem_code(
        code,
        proved,
        proved,
        ActivationCode.technician == (person.id if person else 0),
        account,
        password,
        (technician_id, f"{day:%Y%m%d}" if day else ""),
        secret,
        now,
        network_address,
        user_agent,
    )


def _moved_lately(person: Technician, now: dt.datetime) -> bool:
    """Return whether an application has changed the postal address of somebody who can be told of it by mail."""
    if way_in(person.id) is None:
        return False
    changed = RecordVersion.select(RecordVersion.content).where(
        (RecordVersion.subject_kind == "technician")
        & (RecordVersion.subject_id == person.id)
        & (RecordVersion.replaced_at > now - POSTAL_WAIT)
        & RecordVersion.cause.startswith("registration:")
    )
    return any(not {"postal_code", "address"}.isdisjoint(content) for (content,) in changed.tuples())


def by_letter(
    typed_id: str,
    code: str,
    user_name: str,
    display_name: str,
    password: str,
    secret: str,
    now: dt.datetime,
    *,
    network_address: str,
    user_agent: str,
) -> SignedIn:
    """Redeem the code of a letter to a business and make its administrator. Refused, PasswordError, TooManyTries.

    Wrong codes count against the network address only: the 事業者ID is known to everybody.
    """
    business_id = accounts.digits(typed_id)
    business = Business.get_or_none(Business.business_id == business_id)
    check_user_name(user_name)

    def account() -> Account:
        return new_business_user(business, user_name, display_name, BusinessRole.ADMINISTRATOR, now)

    return _redeem_code(
        code,
        business is not None,
        False,
        ActivationCode.business == (business.id if business else 0),
        account,
        password,
        (business_id, user_name, display_name),
        secret,
        now,
        network_address,
        user_agent,
    )


def _redeem_code(
    code: str,
    proved: bool,
    counts: bool,
    of_owner,
    account: Callable[[], Account],
    password: str,
    about: tuple[str, ...],
    secret: str,
    now: dt.datetime,
    network_address: str,
    user_agent: str,
) -> SignedIn:
    budgets = [_of_address(network_address)]
    passwords.check(password, about)
    limits.take(budgets, now)
    codes = activation_codes.living(of_owner, now)
    row = activation_codes.find(code, codes, secret)
    if row is None or not proved:
        with transaction():
            # What everybody knows is no try: an ID alone would else be enough to kill a stranger's code.
            for dead in activation_codes.count_wrong(codes if counts else []):
                person = require_row(Technician, id=dead.technician_id)
                mails.tell_technician(person, {mails.CODE_DEAD: written_moment(now)}, now)
        raise Refused("code", WRONG_CODE)
    with transaction():
        limits.give_back(budgets, now)
        owner = account()
        if not activation_codes.use(row, now):
            raise Refused("code", WRONG_CODE)
        return _let_in(owner, password, now, network_address, user_agent, {"by": "code"})


def technician_account(person: Technician, now: dt.datetime) -> Account:
    """Return the account of a technician in the running transaction, made at the first access."""
    account = sign_in_links.account_of_technician(person)
    return account or Account.create(
        kind=AccountKind.TECHNICIAN,
        login_key=accounts.login_key(AccountKind.TECHNICIAN, person.technician_id),
        display_name=person.name,
        role="technician",
        technician=person,
        language=person.language,
        created_at=now,
    )


def check_user_name(user_name: str) -> None:
    """Refused for what cannot be the name of a business's user."""
    if not accounts.is_user_name(user_name):
        raise Refused("user_name", BAD_NAME)


def new_business_user(
    business: Business, user_name: str, display_name: str, role: BusinessRole, now: dt.datetime
) -> Account:
    """Make a user of a business without a password yet, in the running transaction; Refused for a name in use."""
    check_user_name(user_name)
    key = accounts.business_key(business.business_id, user_name)
    if Account.select().where(Account.login_key == key).exists():
        raise Refused("user_name", NAME_TAKEN)
    try:
        with transaction():
            return Account.create(
                kind=AccountKind.BUSINESS_USER,
                login_key=key,
                display_name=display_name.strip()[:100] or user_name,
                role=role,
                business=business,
                created_at=now,
            )
    except IntegrityError:  # somebody took the name between the look and the write
        raise Refused("user_name", NAME_TAKEN) from None


def _proved(link: SignInLink, proof: str) -> bool:
    if link.technician_id is not None:
        return read_birth_date(proof) == link.technician.birth_date
    business = link.business or (link.account.business if link.account_id else None)
    if business is None:  # an operator's link, made on the server: the name stands for the ID
        return link.account_id is not None and link.account.login_key == accounts.login_key(AccountKind.OPERATOR, proof)
    return accounts.digits(proof) == business.business_id


def _account_of(link: SignInLink, user_name: str, display_name: str, now: dt.datetime) -> Account:
    if link.technician_id is not None:
        return technician_account(link.technician, now)
    if link.account_id is not None:
        return link.account
    return new_business_user(link.business, user_name, display_name, BusinessRole.ADMINISTRATOR, now)


def _let_in(
    account: Account, password: str, now: dt.datetime, network_address: str, user_agent: str, data: dict
) -> SignedIn:
    if not account.active:
        raise Refused("proof", WRONG_LINK)
    if account.password_hash is None:
        accounts.set_password(account, password, now)
        ids = {"technician_id": account.technician_id, "business_id": account.business_id}
        name = EventName.ACCOUNT_FIRST_ACCESS
        record(name, now, subject_id=account.id, account_id=account.id, data=data, **ids)
    else:
        password_change.change_password(account, password, now, **data)
    sign_in_links.end_of(account, now)
    if account.technician_id is not None:
        activation_codes.end_of_technician(account.technician_id, now)
    return accounts.begin(account, now, network_address, user_agent)


def _of_address(network_address: str) -> Budget:
    return Budget("first-access:address", network_address, LIMIT_ADDRESS, WINDOW)


def operator_link(login: str, secret: str, now: dt.datetime) -> str | None:
    """Return the token of a link by which an operator sets a new password, made on the server; None: no such one."""
    account = Account.get_or_none(Account.login_key == accounts.login_key(AccountKind.OPERATOR, login))
    if account is None or not account.active:
        return None
    with transaction():
        link = sign_in_links.make(Purpose.FORGOTTEN, now, id=new_id(), account=account)
        return sign_in_links.token_of(link, secret)
