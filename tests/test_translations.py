"""Catalogues are compiled by whoever starts first, several processes at once."""

import multiprocessing
import shutil

from webapp import translations


def test_processes_that_start_together_all_find_the_catalogues(tmp_path):
    shutil.copytree(translations.DIRECTORY / "en", tmp_path / "en", ignore=shutil.ignore_patterns("*.mo"))
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        pool.map(translations.compile_catalogues, [tmp_path] * 8)
    assert translations.missing(tmp_path) == []
    assert {p.suffix for p in (tmp_path / "en" / "LC_MESSAGES").iterdir()} == {".po", ".mo"}
    assert len(list((tmp_path / "en" / "LC_MESSAGES").glob("*.mo"))) == len(translations.catalogues(tmp_path))
