"""The spoken forms are read as a person would say them: the ezafe is heard, no letter is spelt out."""

from __future__ import annotations

import re

import pytest

from ivr.settings import ROOT
from ivr.speech.files import load
from ivr.speech.synth import respelt
from ivr.voice.catalogue import Utterance
from tests.speech.phonemes import phonemes

CATALOGUE = load((ROOT / "sounds" / "prompts.yaml", ROOT / "db/seed/east-azerbaijan/prompts.yaml"))


def heard(id: str, language: str) -> str:
    parts = CATALOGUE.find(id, language) or ()
    spoken = [part for part in parts if isinstance(part, Utterance)]
    voices = [CATALOGUE.voices[part.voice] for part in spoken]
    return " ".join(phonemes(respelt(p.words, v), v.name) for p, v in zip(spoken, voices, strict=True))


@pytest.mark.parametrize(
    ("id", "sound"),
    [
        ("welcome", "beː sado jɑzdah sɑmɑneːje ertebɑte mardom"),
        ("record.safe", "pajɑme ʃomɑ sabt ʃod"),
        ("code.is", "kode pejɡirie ʃomɑ"),
        ("national_id.heard", "kode mellie ʃomɑ"),
        ("status.referred", "parvandeːje ʃomɑ beː dastɡɑhe masʔuːl"),
        ("press.9", "noh"),
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
        ("review.menu", "ʃenidane"),
        ("callback.later", "ɡoftane nazare"),
        ("no_input", "adadi nazadid"),
        ("no_match", "dʒozve ɡozineːhɑ nist"),
        ("emergency", "oːrʒɑns sado pɑnzdah polis sado dah ɑtaʃneʃɑni sado bisto pandʒ"),
        ("topic.health.ems", "oːrʒɑnse sado pɑnzdah"),
        ("agency.ems", "oːrʒɑnse"),
        ("county.ask", "tabriz sefr jek"),
        ("county.offer", "mozuː marbut beː ʃahrestɑne"),
        ("record.ask", "pajɑme ʃomɑ mimɑnd"),
        ("topic_group.9", "zelzeleː"),
    ],
)
def test_a_persian_prompt_sounds_as_it_is_said(id: str, sound: str) -> None:
    assert sound in heard(id, "fa")


@pytest.mark.parametrize(
    ("id", "sound"),
    [
        ("weekday.sun", "jeçʃænbæ"),
        ("weekday.mon", "dyʃænbæ"),
        ("weekday.tue", "seʃænbæ"),
        ("weekday.thu", "pændʒʃænbæ"),
        ("record.ask", "boːɣ sæsindæn"),
        ("fallback.apology", "boːɣ sæsindæn"),
        ("verdict.why", "boːɣ sæsindæn"),
        ("operator.connecting", "baːɣɫajɯɾɯx"),
        ("county.maragheh", "maɾaːɣa"),
        ("agency.edu", "amuzeʃpærvæɾeʃ"),
        ("welcome", "jyz on biɾ"),
        ("day.25", "ijirmi beʃi"),
        ("county.tabriz", "tæbriz"),
        ("digit.4", "dœrd"),
        ("callback.menu", "danɯʃdɯɯɣɯnɯz bu nœmræjæ"),
    ],
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


def test_no_azerbaijani_g_falls_silent_and_no_beep_has_a_rude_name() -> None:
    written = {id for id in CATALOGUE.words if "ğ" in CATALOGUE.text(id, "az")}
    assert len(written) > 50 and not {id for id in written if "ɣ" not in heard(id, "az")}
    assert not {id for id in CATALOGUE.words if "box " in heard(id, "az")}


def test_the_azerbaijani_is_that_of_tabriz() -> None:
    baku = "siqnal sığorta təqaüd aptek zavod kanalizasiya idman təhsil sinf qazi işiniz təcili ertəsi"
    said = {id: CATALOGUE.text(id, "az").replace("İ", "i").casefold() for id in CATALOGUE.words}
    words = {(id, word) for id, text in said.items() for word in re.findall(r"\w+", text)}
    assert not {(id, word) for id, word in words if word.startswith(tuple(baku.split()))}
