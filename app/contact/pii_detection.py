"""Detects numbers that visitors should not send: SSN, card, insurance and record numbers.

The form asks visitors to remove them before anything is stored. Each pattern is bounded, so
the time is proportional to the length of the text.
"""

import re
from itertools import chain

from stdnum import luhn
from stdnum.us import ssn

from app.contact.text_normalization import fold

SOCIAL_SECURITY = "Social Security number"
CARD = "card number"
INSURANCE = "insurance ID number"
RECORD = "medical record number"

DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
NUMBER_WORD = r"(?:id|#|no\b\.?|num\b\.?|numbers?|identification)"

# 123-45-6789, 123 - 45 - 6789. With other separators, only if no other digits are next to it.
HYPHENED = re.compile(r"(?<!\d)(?<!\d-)\d{3} ?- ?\d{2} ?- ?\d{4}(?!\d)(?!-\d)")
SEPARATOR = r"[ ./\n-]{1,3}"
SPACED = re.compile(
    rf"(?<![\d+])(?<!\d[ ./-])\d{{3}}{SEPARATOR}\d{{2}}{SEPARATOR}\d{{4}}(?!\d)(?![ ./-]\d)"
)
OTHER_NUMBER = re.compile(
    r"\b(?:tel|phone|mobile|cell|fax|telefono|celular)\b"
    rf"|\b(?:order|invoice|ticket|tracking|confirmation|ref(?:erence)?) ?{NUMBER_WORD}?[ :]{{0,2}}$"
)
SSN_LABEL = (
    r"(?:\bssn?(?![a-z])|\bs\.s\.n?\b|\bsocial ?(?:#|no\b|num|:|is\b)"
    r"|\bsoc(?:ial)?\.? ?sec(?:urity)?|\bseguro social)"
)
NINE = r"\d(?:[ ./-]{0,2}\d){8}"
LABELED_SSN = re.compile(
    rf"{SSN_LABEL}[^\d\n]{{0,40}}\n?(?<!\+)({NINE})(?![ ./-]?\d)"
    rf"|(?<![\d+])(?<!\d[ ./-])({NINE})(?![ ./-]?\d)[^\d\n]{{0,15}}{SSN_LABEL}"
)
ZIP_4 = re.compile(r"\d{5}[ -]\d{4}")

BARE_CARD = re.compile(r"(?<![\d+])(?<!\d[.,-])(\d{13,19})(?![.,]?\d)")
GROUPED_CARD = re.compile(
    rf"(?<![\d+])(?<!\d[ -])(\d{{4}}{SEPARATOR}\d{{4}}{SEPARATOR}\d{{4}}{SEPARATOR}\d{{1,7}}"
    rf"|3\d{{3}}{SEPARATOR}\d{{6}}{SEPARATOR}\d{{4,5}}|\d{{6}}{SEPARATOR}\d{{10}}"
    rf"|\d{{8}}{SEPARATOR}\d{{8}})(?!\d)"
)
# Prefixes and lengths of the issuers: Visa, Mastercard, American Express, Discover,
# Diners Club, JCB, UnionPay, Maestro.
ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}|(?:6011|64[4-9]\d|65\d\d)\d{12,15}|3(?:0[0-59]|[689]\d)\d{11,16}"
    r"|35(?:2[89]|[3-8]\d)\d{12,15}|62\d{14,17}|(?:50|5[6-8]|6[37])\d{11,17}"
)

LABEL_TO_VALUE = r"(?:[ \n]{0,2}(?:is\b|was\b|es\b|[:=#(-])){0,3}[ \n]{0,2}"
VALUE = r"([a-z0-9][a-z0-9-]{1,24}(?:[ .]\d[\d-]{1,12}){0,4})"
INSURERS = (
    r"member(?:ship)?|subscriber|policy(?:holder)?|insurance|insured|medicare|medicaid|mbi"
    r"|beneficiary|health card|aetna|cigna|humana|anthem|bcbs|blue ?cross|blue ?shield"
    r"|united ?health ?care|uhc|kaiser|tricare|molina|empire|oscar"
)
LABELED_INSURANCE = re.compile(
    rf"(?:\b(?:{INSURERS})(?:'s)?(?: (?:card|policy|plan|member))?"
    rf" ?(?:{NUMBER_WORD}(?: ?{NUMBER_WORD})?|(?=:))"
    r"|\bnumero de (?:afiliad[oa]|poliza|miembro|seguro(?! social)|asegurad[oa]|suscriptor)"
    rf"|\bmbi\b){LABEL_TO_VALUE}{VALUE}"
)
NOT_INSURANCE = re.compile(r"\b(?:gym|fitness|library|club|museum|store|costco|airline|hotel)\b")
LABELED_RECORD = re.compile(
    r"(?:\bm\.?r\.?n\b\.?|\b(?:medical|patient|hospital|health) (?:records?|chart|file)"
    rf" ?{NUMBER_WORD}|\b(?:patient|chart) ?{NUMBER_WORD}"
    rf"|\bnumero de (?:expediente|historia clinica))(?: ?{NUMBER_WORD})?{LABEL_TO_VALUE}{VALUE}"
)
PHONE_OR_DATE = re.compile(
    r"(?:1[ .-])?\d{3}[ .-]\d{3}[ .-]\d{4}|\d{4}-\d\d?-\d\d?|\d\d?-\d\d?-\d{4}"
)


def find_pii(text: str) -> str:
    """The kind of the first such number in ``text`` (a constant above), or ""."""
    folded = _fold(text)
    if _has_social_security(folded):
        return SOCIAL_SECURITY
    if _has_card(folded):
        return CARD
    if _has_labeled(LABELED_RECORD, folded, min_digits=4):
        return RECORD
    return INSURANCE if _has_labeled(LABELED_INSURANCE, folded, min_digits=5) else ""


def _fold(text: str) -> str:
    """``text`` in lower case without accents, with ASCII digits, hyphens and spaces."""
    folded = fold(text.translate(DASHES)).replace("\t", " ")
    return re.sub(r"\d", lambda digit: str(int(digit[0])), folded)


def _has_social_security(text: str) -> bool:
    for match in chain(HYPHENED.finditer(text), SPACED.finditer(text)):
        before = text[max(0, match.start() - 16) : match.start()]
        if ssn.is_valid(_digits(match[0])) and not OTHER_NUMBER.search(before):
            return True
    for match in LABELED_SSN.finditer(text):
        number = match[1] or match[2]
        if not ZIP_4.fullmatch(number) and ssn.is_valid(_digits(number)):
            return True
    return False


def _has_card(text: str) -> bool:
    matches = chain(BARE_CARD.finditer(text), GROUPED_CARD.finditer(text))
    numbers = (_digits(match[1]) for match in matches)
    return any(ISSUERS.fullmatch(number) and luhn.is_valid(number) for number in numbers)


def _has_labeled(pattern: re.Pattern[str], text: str, *, min_digits: int) -> bool:
    return any(
        len(_digits(match[1])) >= min_digits
        and not PHONE_OR_DATE.fullmatch(match[1])
        and not NOT_INSURANCE.search(text, max(0, match.start() - 16), match.end())
        for match in pattern.finditer(text)
    )


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())
