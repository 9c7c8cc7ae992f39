"""Passkeys (WebAuthn level 2): made and asked for by the browser, checked here; a challenge is good for one answer."""

import datetime as dt
import ipaddress
import json
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

import webauthn
from peewee import IntegrityError
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from db.database import transaction
from db.models import Account, SecondFactor, SignInSession
from webapp.domain.accounts import second_factor
from webapp.domain.accounts.second_factor import FactorKind
from webapp.domain.core import secret_box


@dataclass(frozen=True)
class Site:
    """What a passkey is bound to: our address as browsers see it."""

    origin: str
    host: str
    name: str

    @classmethod
    def of(cls, settings) -> "Site | None":
        """Return the site of the settings; None where browsers know no passkeys: an address without a name."""
        parts = urlsplit(settings.public_url)
        try:
            ipaddress.ip_address(parts.hostname)
        except ValueError:
            return cls(f"{parts.scheme}://{parts.netloc}", parts.hostname, settings.service_name)
        return None


def registration_options(account: Account, session: SignInSession, site: Site, secret: str) -> str:
    """Return as JSON what the browser needs to make a passkey."""
    options = webauthn.generate_registration_options(
        challenge=_challenge(session, secret),
        rp_id=site.host,
        rp_name=site.name,
        user_id=account.id.to_bytes(8, "big"),
        user_name=account.login_key.partition(":")[2],
        user_display_name=account.display_name,
        exclude_credentials=_known(account),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.PREFERRED
        ),
    )
    return webauthn.options_to_json(options)


def register(
    account: Account, session: SignInSession, answer: str, name: str, site: Site, secret_key: str, now: dt.datetime
) -> list[str] | None:
    """Take a new passkey into use; return recovery codes as `second_factor.confirm_totp`, None for a wrong answer."""
    challenge = _take(session, secret_key)
    if challenge is None:
        return None
    try:
        verified = webauthn.verify_registration_response(
            credential=answer, expected_challenge=challenge, expected_rp_id=site.host, expected_origin=site.origin
        )
        with transaction():
            row = SecondFactor.create(
                account=account,
                kind=FactorKind.PASSKEY,
                name=name.strip()[:60],
                credential_id=bytes_to_base64url(verified.credential_id),
                public_key=bytes_to_base64url(verified.credential_public_key),
                sign_count=verified.sign_count,
                created_at=now,
            )
            return second_factor.confirm_passkey(account, row, secret_key, now)
    except (WebAuthnException, IntegrityError, ValueError, KeyError, TypeError):
        return None  # made by the browser, or by somebody who plays one: whatever is wrong with it, it is not taken


def request_options(account: Account, session: SignInSession, site: Site, secret: str) -> str:
    """Return as JSON what the browser needs to ask for one of the account's passkeys."""
    options = webauthn.generate_authentication_options(
        challenge=_challenge(session, secret),
        rp_id=site.host,
        allow_credentials=_known(account),
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return webauthn.options_to_json(options)


def check(account: Account, session: SignInSession, answer: str, site: Site, secret: str, now: dt.datetime) -> bool:
    """Return whether the browser's answer comes from one of the account's passkeys; it is taken once."""
    challenge = _take(session, secret)
    try:
        row = SecondFactor.get_or_none(
            (SecondFactor.account == account)
            & (SecondFactor.kind == FactorKind.PASSKEY)
            & SecondFactor.confirmed_at.is_null(False)
            & (SecondFactor.credential_id == json.loads(answer)["id"])
        )
        if challenge is None or row is None:
            return False
        verified = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=base64url_to_bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return False  # as above
    changed = {SecondFactor.sign_count: verified.new_sign_count, SecondFactor.last_used_at: now}
    SecondFactor.update(changed).where(SecondFactor.id == row.id).execute()
    return True


def has(account: Account) -> bool:
    """Return whether an account has a passkey."""
    return any(row.kind == FactorKind.PASSKEY for row in second_factor.factors_of(account))


def _known(account: Account) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(id=base64url_to_bytes(row.credential_id))
        for row in second_factor.factors_of(account)
        if row.kind == FactorKind.PASSKEY
    ]


def _challenge(session: SignInSession, secret: str) -> bytes:
    """Return what the browser has to sign: of this session and of how often it has answered; kept nowhere."""
    return secret_box.keyed(secret, "passkey", f"{session.id}:{session.challenge or ''}")


def _take(session: SignInSession, secret: str) -> bytes | None:
    """Return the challenge that the session waits for, and wait for another; one of two equal answers gets it."""
    row = SignInSession.get_or_none(SignInSession.id == session.id)
    if row is None:
        return None
    before = SignInSession.challenge.is_null() if row.challenge is None else SignInSession.challenge == row.challenge
    session.challenge = secrets.token_hex(8)
    mine = (SignInSession.id == session.id) & before
    taken = SignInSession.update(challenge=session.challenge).where(mine).execute()
    return _challenge(row, secret) if taken else None
