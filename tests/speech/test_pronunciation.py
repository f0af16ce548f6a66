"""The spoken forms are read as a person would say them: the ezafe is heard, no letter is spelt out."""

from __future__ import annotations

import pytest

from ivr.settings import ROOT
from ivr.speech.files import load
from ivr.voice.catalogue import Part
from tests.speech.phonemes import phonemes

CATALOGUE = load((ROOT / "sounds" / "prompts.yaml", ROOT / "db/seed/east-azerbaijan/prompts.yaml"))


def heard(id: str, language: str) -> str:
    parts = CATALOGUE.find(id, language) or ()
    spoken = [part for part in parts if isinstance(part, Part)]
    return " ".join(phonemes(part.words, CATALOGUE.voices[part.voice].name) for part in spoken)


@pytest.mark.parametrize(
    ("id", "sound"),
    [
        ("welcome", "beː sado jɑzdah sɑmɑneːje ertebɑte mardom"),
        ("record.safe", "soxane ʃomɑ sabt ʃod"),
        ("code.is", "kode pejɡirie ʃomɑ"),
        ("national_id.heard", "kode mellie ʃomɑ"),
        ("status.referred", "parvandeːje ʃomɑ beː dastɡɑhe masʔuːl"),
        ("press.9", "adade noh"),
        ("digit.9", "noh"),
        ("number.20.and", "bisto"),
        ("number.100.and", "sado"),
        ("number.900", "nohsad"),
        ("number.11", "jɑzdah"),
        ("day.2", "dovvome"),
        ("day.30", "si oːme"),
        ("day.29", "bisto nohome"),
        ("topic.docs.identity", "kɑrte melli"),
        ("topic.housing.village", "baxʃdɑri"),
        ("county.kaleybar", "kalejbar"),
        ("agency.gov_political", "moʔɑvenate siɑsi"),
        ("agency.edu", "edɑreːje kolle ɑmuzeʃo parvareʃe ɑzarbɑjedʒɑne"),
        ("review.menu", "ɡoftane"),
    ],
)
def test_a_persian_prompt_sounds_as_it_is_said(id: str, sound: str) -> None:
    assert sound in heard(id, "fa")


@pytest.mark.parametrize(
    ("id", "sound"),
    [("welcome", "jyz on biɾ"), ("day.25", "ijirmi beʃi"), ("county.tabriz", "tæbriz"), ("digit.4", "dœrd")],
)
def test_an_azerbaijani_prompt_sounds_as_it_is_said(id: str, sound: str) -> None:
    assert sound in heard(id, "az")


@pytest.mark.parametrize("language", ["fa", "az"])
def test_no_prompt_spells_a_sign_or_falls_into_another_language(language: str) -> None:
    # A shadda in the wrong place is read out as its name, «تشدید»; "(en)" marks a word read as English.
    odd = {
        id: sound
        for id in sorted(CATALOGUE.words)
        if any(mark in (sound := heard(id, language)) for mark in ("taʃdid", "(")) or not sound
    }
    assert not odd
