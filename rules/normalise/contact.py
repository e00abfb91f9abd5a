"""E-mail addresses and phone numbers as compared. Never looks anything up."""

import re
from typing import Final

import idna
import phonenumbers

from rules.spelling import folded, lower, tidy

_PLUS_TAGS: Final = frozenset(
    {
        "fastmail.com",
        "gmail.com",
        "hotmail.com",
        "icloud.com",
        "live.com",
        "me.com",
        "outlook.com",
        "proton.me",
        "protonmail.com",
    }
)
_SAME_HOST: Final = {"googlemail.com": "gmail.com"}
_NO_DOTS: Final = frozenset({"gmail.com"})
_PLAIN_DOMAIN: Final = re.compile(r"(?=.{4,253}$)(?!-)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_LOCAL_LONGEST: Final = 64
_ZERO_ZERO: Final = re.compile(r"^\s*00(?=[\s.-]*[1-9])")


def email(raw: str) -> str | None:
    """The address with its domain in IDNA form, compared without regard to case; None when it is none.

    Dots and tags stay: what they mean is the receiving host's affair (RFC 5321).
    """
    text = lower(raw).removeprefix("mailto:").strip("<> ")
    local, at, domain = text.rpartition("@")
    host = _domain(domain) if at else None
    if not host or not local or len(local) > _LOCAL_LONGEST or " " in local or "@" in local:
        return None
    return f"{local}@{host}"


def email_second(raw: str) -> tuple[str, ...]:
    """The form under which the provider delivers, where known, and the one without diacritics."""
    key = email(raw)
    if key is None:
        return ()
    local, _, host = key.rpartition("@")
    host = _SAME_HOST.get(host, host)
    if host in _PLUS_TAGS:
        local = local.partition("+")[0] or local
    if host in _NO_DOTS:
        local = local.replace(".", "") or local
    return tuple(dict.fromkeys((f"{local}@{host}", f"{folded(local)}@{host}")))


def phone(raw: str, country: str) -> str | None:
    """The number in E.164; None when no such number can exist. Extensions are left out.

    `00` is dialled for `+` in most of the world, and written so where it cannot be dialled.
    """
    text = _ZERO_ZERO.sub("+", tidy(raw))
    try:
        number = phonenumbers.parse(text, country.upper())
    except phonenumbers.NumberParseException:
        return None
    usual = phonenumbers.is_valid_number_for_region(number, country.upper())
    if not (usual or phonenumbers.is_valid_number(number)):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _domain(raw: str) -> str | None:
    domain = raw.strip().rstrip(".")
    if _PLAIN_DOMAIN.fullmatch(domain) and "xn--" not in domain:
        return domain
    try:
        host = idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None
    return host if "." in host else None
