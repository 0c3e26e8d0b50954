"""Each cleaner by a table of what people write, and by texts that nobody would write."""

from __future__ import annotations

from collections.abc import Callable

import email_validator
import pytest
from email_validator import rfc_constants
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.processing import cleaning as email_address_file
from lifecycle_fsm.processing import cleaning as phone_number_file
from lifecycle_fsm.processing.cleaning import (
    ALIASES,
    FREE_MAIL,
    LEVELS,
    clean_country,
    clean_domain,
    clean_email,
    clean_phone,
    clean_text,
    is_free_mail,
    seniority_of,
)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Ada", "Ada"),
        ("  Ada \t\n Lovelace  ", "Ada Lovelace"),
        ("Ada\tLovelace", "Ada Lovelace"),
        ("Ada\u00a0Lovelace", "Ada Lovelace"),
        ("Ada\u3000Lovelace", "Ada Lovelace"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("\ufeffAda\u200b", "Ada"),
        ("A\x00d\x07a", "Ada"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("李 小龙", "李 小龙"),
        ("O'Neill-Śmith", "O'Neill-Śmith"),
        ("", None),
        (" \u200b\t", None),
    ],
)
def test_a_text_is_tidied(raw: str, clean: str | None) -> None:
    assert clean_text(raw) == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("ada@example.com", "ada@example.com"),
        (" ada@EXAMPLE.com\n", "ada@example.com"),
        ("Ada.Lovelace@Example.Com", "Ada.Lovelace@example.com"),
        ("ada+news_1@mail.example.co.uk", "ada+news_1@mail.example.co.uk"),
        ("POSTMASTER@example.com", "postmaster@example.com"),
        ("ada@MÜLLER.de", "ada@müller.de"),
        ("ada@xn--mller-kva.de", "ada@müller.de"),
        ("ada@XN--MLLER-KVA.DE", "ada@müller.de"),
        ("jörg@example.com", "jörg@example.com"),
        ("a\u0301da@example.com", "\u00e1da@example.com"),
        ("o'neill@example.com", "o'neill@example.com"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
        ("a@" + "b" * 63 + ".com", "a@" + "b" * 63 + ".com"),
        ("a@" + "b" * 64 + ".com", None),
        ("", None),
        ("n/a", None),
        ("ada", None),
        ("ada@", None),
        ("@example.com", None),
        ("ada@example", None),
        ("ada@localhost", None),
        ("ada@-example.com", None),
        ("ada@example.com.", None),
        (".ada@example.com", None),
        ("a..b@example.com", None),
        ("ada@@example.com", None),
        ("ada@example.com, bob@example.com", None),
        ("Ada <ada@example.com>", None),
        ("ada@[127.0.0.1]", None),
        ("ada lovelace@example.com", None),
        ("ada@example.com" * 10_000, None),
    ],
)
def test_an_address_is_put_in_normal_form_or_not_read(raw: str, clean: str | None) -> None:
    assert clean_email(raw) == clean


@settings(max_examples=300)
@given(
    st.from_regex(
        r"[A-Za-z0-9._+'-]{1,66}@[A-Za-z0-9.-]{1,70}(\.[A-Za-z0-9-]{1,6})?", fullmatch=True
    )
    | st.emails()
)
@example("info@Example.com")
@example("INFO@Example.com")
@example("In.Fo@Example.com")
@example("a@ex--ample.com")
@example("a@xn--80ak6aa92e.com")
@example("a@b.test")
@example("a@" + ".".join(["b" * 60] * 4) + ".com")
@example("a" * 64 + "@" + ".".join(["b" * 63] * 3) + ".com")
@example("a" * 65 + "@b.com")
@example("a@b.c-d")
@example("a@b.xn--p1ai")
@example("a@b.-d")
@example("a@b.4")
@example("a@b-.com")
@example("a@b.c.onion")
def test_the_short_cut_of_usual_addresses_agrees_with_the_library(text: str) -> None:
    try:
        expected = email_validator.validate_email(text, check_deliverability=False).normalized
    except email_validator.EmailNotValidError:
        expected = None
    assert clean_email(text) == expected


def test_the_short_cut_may_look_at_less_than_the_library() -> None:
    # At the last part of a domain alone, and at no case of a mailbox with a dot.
    assert not [one for one in email_validator.SPECIAL_USE_DOMAIN_NAMES if "." in one]
    assert not [one for one in rfc_constants.CASE_INSENSITIVE_MAILBOX_NAMES if "." in one]


@pytest.mark.parametrize(
    ("raw", "country", "clean"),
    [
        ("+49 30 227-0", None, "+49302270"),
        ("+49 (0)30 2270", None, "+49302270"),
        ("030 227 33000", "DE", "+493022733000"),
        ("0049 30 227 33000", "DE", "+493022733000"),
        ("(212) 736-5000", "US", "+12127365000"),
        ("212.736.5000", "CA", "+12127365000"),
        ("tel:+1-212-736-5000", None, "+12127365000"),
        ("＋１ ２１２ ７３６ ５０００", None, "+12127365000"),
        ("٠٣٠ ٢٢٧ ٣٣٠٠٠", "DE", "+493022733000"),
        ("+44 1632 960961", None, "+441632960961"),
        ("+1 212 736 5000 ext. 4", None, "+12127365000;ext=4"),
        ("212 736 5000", None, None),
        ("212 736 5000", "XX", None),
        ("555-1234", "US", None),
        ("+1 555-1234", None, None),
        ("123", "US", None),
        ("+999 123 456", None, None),
        ("call me: 212 736 5000", "US", None),
        ("", "US", None),
        ("-", "US", None),
        ("n/a", "US", None),
        ("+" * 200, "US", None),
        ("+49 30 227-0" + " " * 300, None, None),
    ],
)
def test_a_number_is_put_in_e164_or_not_read(
    raw: str, country: str | None, clean: str | None
) -> None:
    assert clean_phone(raw, country) == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("DE", "DE"),
        ("de", "DE"),
        ("DEU", "DE"),
        ("276", "DE"),
        ("Germany", "DE"),
        ("  gErMaNy ", "DE"),
        ("Deutschland", "DE"),
        ("Federal Republic of Germany", "DE"),
        ("UK", "GB"),
        ("U.K.", "GB"),
        ("England", "GB"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        ("United States", "US"),
        ("The United States", "US"),
        ("the Netherlands", "NL"),
        ("The Gambia", "GM"),
        ("Côte d'Ivoire", "CI"),
        ("O\u0308sterreich", "AT"),
        ("South Korea", "KR"),
        ("Russia", "RU"),
        ("Niger", "NE"),
        ("Nigeria", "NG"),
        ("日本", "JP"),
        ("", None),
        (" ", None),
        (".", None),
        ("the ", None),
        ("Germny", None),
        ("Korea", None),
        ("Europe", None),
        ("n/a", None),
        ("DE" * 1_000_000, None),
    ],
)
def test_a_country_is_found_by_an_exact_name(raw: str, clean: str | None) -> None:
    assert clean_country(raw) == clean


def test_every_alias_names_a_country_of_the_standard() -> None:
    assert {code: clean_country(code) for code in ALIASES.values()} == {
        code: code for code in ALIASES.values()
    }
    assert [name for name in ALIASES if name != name.casefold()] == []


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("acme.com", "acme.com"),
        ("ACME.COM", "acme.com"),
        ("https://www.acme.co.uk/a/b?c=d#e", "acme.co.uk"),
        ("http://user:secret@shop.acme.com:8080/", "acme.com"),
        ("www.acme.com.", "acme.com"),
        ("ada@mail.acme.com", "acme.com"),
        ("acme.example", "acme.example"),
        ("acme.github.io", "github.io"),
        ("müller.de", "müller.de"),
        ("www.MÜLLER.de", "müller.de"),
        ("xn--mller-kva.de", "müller.de"),
        ("食狮.公司.cn", "食狮.公司.cn"),
        ("gmail.com", "gmail.com"),
        ("co.uk", None),
        ("acme", None),
        ("localhost", None),
        ("192.168.0.1", None),
        ("http://[::1]/", None),
        ("http://[", None),
        ("Acme, Inc.com pany", None),
        ("not a domain.com", None),
        ("acme.invalid", None),
        ("", None),
        ("https://", None),
        ("n/a", None),
        ("a" * 70 + ".com", None),
        ("a." * 1_000_000 + "com", None),
    ],
)
def test_the_registered_domain_is_found(raw: str, clean: str | None) -> None:
    assert clean_domain(raw) == clean


def test_free_mail_is_written_as_domains_come_out() -> None:
    assert [name for name in FREE_MAIL if clean_domain(name) != name] == []
    assert is_free_mail("gmail.com")
    assert not is_free_mail("acme.com")


@pytest.mark.parametrize(
    ("title", "level"),
    [
        ("CEO", "c_level"),
        ("C.E.O.", "c_level"),
        ("ceo & founder", "c_level"),
        ("Chief Revenue Officer", "c_level"),
        ("President", "c_level"),
        ("Geschäftsführerin", "c_level"),
        ("Gescha\u0308ftsfu\u0308hrer", "c_level"),
        ("Managing Director", "c_level"),
        ("Vice President, Sales", "vp"),
        ("Vice-President", "vp"),
        ("Sr. V.P. Marketing", "vp"),
        ("EVP", "vp"),
        ("Chief of Staff", "director"),
        ("Associate Director", "director"),
        ("General Manager", "director"),
        ("Head of Demand Generation", "head"),
        ("Leiter Einkauf", "head"),
        ("Account Manager", "manager"),
        ("Team Lead Support", "manager"),
        ("Lead Generation Specialist", "staff"),
        ("Assistant to the CEO", "staff"),
        ("Executive Assistant", "staff"),
        ("Product Owner", "staff"),
        ("Software Engineer", "staff"),
        ("Sales Development Representative", "staff"),
        ("Directory", None),
        ("Ex-CEO", None),
        ("Cosupervisor", None),
        ("Headhunter-at-large", None),
        ("Wizard", None),
        ("局長", None),
        ("", None),
        ("CEO " * 1_000, None),
    ],
)
def test_the_level_of_a_job_is_read_from_its_title(title: str, level: str | None) -> None:
    assert seniority_of(title) == level


def test_the_words_of_the_levels_can_match_what_titles_become() -> None:
    written = [word for _, words in LEVELS for word in words]
    assert [word for word in written if word != word.lower() or "." in word] == []
    assert len(set(written)) == len(written)


CLEANERS: list[Callable[[str], str | None]] = [
    clean_text,
    clean_email,
    clean_phone,
    lambda text: clean_phone(text, "US"),
    clean_country,
    clean_domain,
]


@settings(max_examples=300)
@given(
    st.text(st.characters())
    | st.text("+0123456789 ()-./x;=ext")
    | st.text("aÄ.@-[]:/\u200b\ud800")
    | st.emails()
)
@example("\ud800")
@example("\ud800@example.com")
@example("a@\ud800.com")
@example("http://a]b[.com")
@example("a" * 100_000)
def test_no_text_makes_a_cleaner_raise_and_cleaning_twice_is_cleaning_once(text: str) -> None:
    for clean in CLEANERS:
        once = clean(text)
        assert once is None or clean(once) == once, clean
    assert seniority_of(text) in {None, *(level for level, _ in LEVELS)}


@pytest.mark.parametrize(
    ("module", "package", "clean"),
    [
        (
            "email_validator",
            "email-validator",
            lambda: email_address_file._by_library("new-1@x.com"),
        ),
        ("phonenumbers", "phonenumbers", lambda: clean_phone("+49 30 227-1")),
        ("pycountry", "pycountry", lambda: clean_country("Country that no test asked for")),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, package: str, clean: Callable[[], object]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtra, match=rf"{package}.*lifecycle-fsm\[clean\]") as caught:
        clean()
    assert caught.value.extra == "clean"


def test_a_cleaner_remembers_what_it_has_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    clean_phone("+49 30 227-7")
    before = phone_number_file._clean_phone.cache_info().hits
    clean_phone("+49 30 227-7")
    assert phone_number_file._clean_phone.cache_info().hits == before + 1
