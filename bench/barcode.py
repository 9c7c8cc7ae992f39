"""The customer barcode beside the post's own examples, which lie outside the repository: how many are equal.

    python -m bench.barcode

The examples lie in ../shared/postal; without them nothing is compared, and a word says so.
"""

import json
from pathlib import Path

from webapp.domain.postcard.address import parse_address
from webapp.domain.postcard.barcode import extract_digits

EXAMPLES = Path(__file__).resolve().parents[2] / "shared" / "postal" / "examples.jsonl"


def run() -> list[dict[str, object]]:
    """Return plain rows: name, how many are right, out of how many."""
    if not EXAMPLES.exists():
        print("barcode: ../shared/postal is not here: nothing to compare with")
        return []
    examples = [json.loads(line) for line in EXAMPLES.read_text("utf-8").splitlines()]
    digits = bars = 0
    for example in examples:
        barcode = parse_address(example["postal_code"], example["address"]).barcode
        found = (barcode.digits, barcode.check) if barcode else None
        bars += found == (example["expected_digits"], example["expected_check"])
        digits += extract_digits(example["address_b"]) == example["expected_digits"]
    return [
        {"name": "digits and check of an address", "right": bars, "of": len(examples)},
        {"name": "digits of the part behind the town", "right": digits, "of": len(examples)},
    ]


if __name__ == "__main__":
    print(*run(), sep="\n")
