"""The list of counties that a waiting caller hears says what areas.yaml says."""

from __future__ import annotations

import pytest

from ivr import prompts, settings
from ivr.desk.seeding import directory_from


@pytest.mark.parametrize("language", ["fa", "az"])
def test_the_list_names_every_county_with_its_digits(language: str) -> None:
    house = settings.load()
    catalogue = prompts.catalogue(house)
    told = catalogue.text("county.list", language)
    for county in directory_from(house.seed_path).counties:
        digits = " ".join(catalogue.text(f"digit.{key}", language) for key in county.key)
        comma = "،" if language == "fa" else ","
        assert f"{catalogue.text(f'county.{county.code}', language)}{comma} {digits}." in told
