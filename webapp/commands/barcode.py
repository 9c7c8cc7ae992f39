"""`todoke barcode`: the customer barcode of one address, for people who check a postcard and for other programs."""

import json

import click

from webapp.domain.postcard.address import SENTENCES, PostalAddress, parse_address


def describe_barcode(address: PostalAddress) -> dict:
    """Return what the command prints as JSON: the symbol, or the reason why there is none and `bars` null."""
    warnings = [str(rule) for rule in address.warnings]
    barcode = address.barcode
    if barcode is None:
        return {"reason": str(address.no_barcode_reason), "bars": None, "warnings": warnings}
    return {
        "digits": barcode.digits,
        "codes": list(barcode.codes),
        "check": barcode.check,
        "bars": barcode.bars,
        "warnings": warnings,
    }


@click.command()
@click.option("--postal-code", required=True, help="7 digits, with or without hyphen.")
@click.option("--address", required=True, help="The address as it is written, in one text.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def barcode(postal_code: str, address: str, as_json: bool) -> None:
    """Print the customer barcode (カスタマバーコード) of an address."""
    parsed = parse_address(postal_code, address)
    if parsed.errors:
        raise click.UsageError(SENTENCES[parsed.errors[0]])
    found = describe_barcode(parsed)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for rule in parsed.warnings:
        click.echo(SENTENCES[rule], err=True)
    if found["bars"] is None:
        click.echo(f"バーコードなし（{found['reason']}）")
        return
    click.echo(f"抜き出し: {found['digits'] or 'なし'}")
    click.echo(f"コード: {' '.join(found['codes'])}  チェック: {found['check']}")
    click.echo(f"バー: {found['bars']}")
