"""Units behind (or currency before) a number, and names of one unit brought together."""

import re

_SAME = {
    "cm": "centimeter centimeters centimetre centimetres",
    "mm": "millimeter millimeters millimetre millimetres",
    "m": "meter meters metre metres",
    "km": "kilometer kilometers kilometre kilometres kms",
    "in": "inch inches",
    "ft": "foot feet",
    "yd": "yard yards",
    "mi": "mile miles",
    "g": "gram grams gramme grammes",
    "kg": "kilogram kilograms kgs",
    "mg": "milligram milligrams",
    "lb": "pound pounds lbs",
    "oz": "ounce ounces",
    "s": "sec secs second seconds",
    "min": "mins minute minutes",
    "h": "hr hrs hour hours",
    "day": "days",
    "week": "weeks",
    "month": "months",
    "year": "years yr yrs",
    "L": "liter liters litre litres l",
    "mL": "milliliter milliliters millilitre millilitres ml",
    "gal": "gallon gallons",
    "dollar": "dollars usd",
    "cent": "cents ¢",
    "€": "euro euros",
    "£": "gbp",
    "¥": "yen",
    "₹": "rupee rupees",
    "degree": "degrees deg degs",
    "rad": "radian radians rads",
    "%": "percent pct percentage",
    "mph": "",
    "kph": "",
    "unit": "units",
    "square": "squares sq",
    "cubic": "cubes cu",
    "N": "newton newtons",
    "J": "joule joules",
    "W": "watt watts",
    "V": "volt volts",
    "A": "ampere amperes amp amps",
    "K": "kelvin kelvins",
    "Pa": "pascal pascals",
    "Hz": "hertz",
    "eV": "",
    "keV": "",
    "MeV": "",
    "mol": "mole moles",
    "erg": "ergs",
    "angstrom": "angstroms",
    "AU": "",
    "pc": "parsec parsecs",
    "nm": "nanometer nanometers nanometre",
    "kJ": "kilojoule kilojoules",
    "kW": "kilowatt kilowatts",
    "ms": "millisecond milliseconds",
    "acre": "acres",
    "mile": "",
    "°C": "celsius",
    "°F": "fahrenheit",
    "ohm": "ohms",
    "kohm": "kiloohm kiloohms",
    "Mohm": "megaohm megaohms",
    "am": "",
    "pm": "",
}
CANONICAL = {name: unit for unit, names in _SAME.items() for name in (unit, *names.split())}
_PER = {"mph": "mi/h", "kph": "km/h", "mile": "mi"}
CURRENCY = {r"\dollar": "dollar", "€": "€", "£": "£", "¥": "¥", "₹": "₹"}

_TOKEN = re.compile(r"\\text\s*\{[^{}]*\}|\\[a-zA-Z]+|\^\s*(?:\{\s*-?\d\s*\}|-?\d)|[A-Za-z]+|\s+|\S")
_LEADING = re.compile(r"^\s*([+-]?)\s*(?:US\s*)?(\\dollar|[€£¥₹])\s*")
_NUMBER_WORDS = "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|hundred|dozen|thousand|million|billion"
_NOT_A_UNIT = re.compile(
    rf"\b(?:or|and|if|when|where|for|not|no|is|are|does|maybe|than|more|less|least|most|plus|minus|over|divided|to|base|{_NUMBER_WORDS})\b|(?<![\^A-Za-z-])\d"
)
MIN_LETTERS = (
    4  # of an unknown bare word behind a number, which is then a unit (apples) rather than variables
)
_TRIGONOMETRIC = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)")


_HOUR = r"(\d{1,2}(?::\d\d)?)\s*"
_HALF = r"([ap])\.?\s?m\.?\s*"
TIME = re.compile(
    rf"\\text\s*\{{\s*{_HOUR}{_HALF}\}}|{_HOUR}\\text\s*\{{\s*{_HALF}\}}|{_HOUR}([ap])\.?\s?m(?![A-Za-z])\.?",
    re.IGNORECASE,
)
MICRO = re.compile(r"(?<=[\d\s])\\mu\s*(?:\\text\s*\{\s*([A-Za-z]+)\s*\}|([A-Za-z])$)")
OHM = re.compile(r"(?<=[\d\s}])(?:\\text\s*\{\s*([kM])\s*\}|([kM]))?\s*\\Omega\s*(?=\\cdot|\\text|/|$)")
IN_BRACKETS = re.compile(
    r"(?<=[\d})])\s*[(\[]\s*(?:in )?(?:\\text\s*\{)?\s*(?:in )?([A-Za-z]+(?:(?:\s*/\s*| )[A-Za-z]+)*)\s*\}?\s*"
    r"((?:\^\s*\{?\s*[23]\s*\}?)?)\s*[)\]]\s*$"
)
QUOTIENT_OF_UNITS = re.compile(r"(?<=\})\s*/\s*\(((?:\s*\\text\s*\{[^{}]*\}\s*(?:\\cdot)?)+)\)$")
HOUR = re.compile(r"^(1[0-2]|[1-9])\s*(?:\\text\s*\{\s*)?([ap])\.?\s?m\.?\s*\}?$", re.IGNORECASE)
PHRASE_OF_UNITS = re.compile(r"^([+-]?\d[\d.,]*) ([a-z]{2,}(?: [a-z]{2,}){1,4})$")
CURRENCY_WORDS = {
    "USD": r"\dollar ",
    "EUR": "€",
    "GBP": "£",
    "Rs": "₹",
    "INR": "₹",
    "CNY": "¥",
    "RMB": "¥",
    "JPY": "¥",
}
LEADING_CURRENCY = re.compile(
    rf"^(?:\\text\s*\{{\s*)?((?:{'|'.join(CURRENCY_WORDS)})\.?)\s*\}}?\s*(?=\d|\.\d)"
)
MEASURE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)\.?")


def usual_units(text: str) -> str:
    """Write units that are macros or several words, and ``a.m.`` and ``p.m.``, as text."""
    text = PHRASE_OF_UNITS.sub(r"\1\\text{ \2}", text)
    text = LEADING_CURRENCY.sub(lambda m: CURRENCY_WORDS[m.group(1).strip(".")], text)
    text = QUOTIENT_OF_UNITS.sub(r"/\1", text)
    if text.rstrip().endswith((")", "]")):
        text = IN_BRACKETS.sub(
            lambda m: rf"\text{{ {m.group(1)}}}{m.group(2)}" if _is_listed(m.group(1)) else m.group(), text
        )
    if "m" in text.lower():
        text = HOUR.sub(r"\1:00 \2m", text.strip())
        text = TIME.sub(lambda m: "{}\\text{{ {}m}}".format(*(p.lower() for p in m.groups() if p)), text)
    text = text.replace(r"\mathring{A}", r"\text{ angstrom}").replace("per cent", "percent")
    text = MICRO.sub(lambda m: rf"\text{{ micro{m.group(1) or m.group(2)}}}", text)
    return OHM.sub(lambda m: rf"\text{{ {m.group(1) or m.group(2) or ''}ohm}}", text)


def _is_listed(word: str) -> bool:
    return all(part in CANONICAL or part.lower() in CANONICAL for part in re.split(r"\s*/\s*| per | ", word))


def compound(text: str) -> list[tuple[str, str]] | None:
    """Parts of a measure in two or more known units, such as ``5 ft 10 in``; None for anything else."""
    if sum(char.isdigit() for char in text) < 2 or not any(char.isalpha() for char in text):
        return None
    plain = re.sub(r"\band\b|,", " ", re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text))
    parts = MEASURE.findall(plain)
    units = [_canonical_word(unit) for _, unit in parts]
    if len(parts) < 2 or MEASURE.sub("", plain).strip() or len(set(units)) < len(units):
        return None
    return (
        [(part[0], unit) for part, unit in zip(parts, units, strict=True)]
        if all(map(is_known, units))
        else None
    )


def split_unit(text: str) -> tuple[str, str | None]:
    """Split canonical LaTeX such as ``5 \\text{ cm}^2`` into ``("5", "cm^2")``; the unit is None where there is none.

    A unit is text in ``\\text``, a known name in bare letters, a degree sign, a percent sign or a currency sign.
    """
    currency = None
    if leading := _LEADING.match(text):
        currency, text = CURRENCY[leading.group(2)], leading.group(1) + text[leading.end() :]
    start = _start_of_unit(text)
    number, unit = text[:start].rstrip(), text[start:]
    if number.endswith("/") and (currency or not number[:-1].strip().lstrip("-").isalpha()):
        number, unit = number[:-1].rstrip(), "/" + unit
    if not unit.strip() or not number or number[-1] in "+-*/^_=(,{[":
        return text, currency
    unit = canonical_unit(unit)
    if unit == "degree" and _TRIGONOMETRIC.search(number):
        return text, currency
    return number, currency or unit


def _start_of_unit(text: str) -> int:
    """Position where the unit at the end of ``text`` begins, or its length."""
    if not (text[-1:] in "%})" or text[-1:].isalnum()):
        return len(text)
    tokens = list(_TOKEN.finditer(text))
    start, position = len(text), len(tokens) - 1
    while position >= 0:
        token = tokens[position].group()
        if _is_unit(tokens, position):
            start = tokens[position].start()
        elif not (token.isspace() or token in ("/", r"\cdot") or token[0] == "^"):
            break
        position -= 1
    return start


def _is_unit(tokens: list[re.Match], position: int) -> bool:
    token = tokens[position].group()
    if token.startswith(r"\text"):
        return bool(re.search(r"[A-Za-z%°]", token[5:])) and not _NOT_A_UNIT.search(token)
    if token in ("%", r"\degree", r"\dollar", "per"):
        return True
    if not token.isalpha():
        return False
    before = [t.group() for t in tokens[max(0, position - 2) : position]]
    if token in ("C", "F") and (before[-1:] == [r"\degree"] or before == [r"\degree", " "]):
        return True
    behind_number = before[-1:] == [" "] and before[0][-1] in "0123456789}"
    if token not in CANONICAL and token.lower() not in CANONICAL:
        return behind_number and len(token) >= MIN_LETTERS and not _NOT_A_UNIT.search(token)
    behind_unit = before[-1:] in (["/"], [r"\degree"]) or before in (["/", " "], [r"\degree", " "])
    return len(token) > 1 or behind_unit or behind_number


def canonical_unit(unit: str) -> str:
    """Return one spelling for a unit: ``square inches``, ``\\text{in}^2`` and ``inches^2`` are all ``in^2``."""
    plain = re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", unit).replace(r"\degree", " degree ").replace("~", " ")
    plain = re.sub(r"[{}]|\\cdot|\\dollar", " ", plain)
    words = [_canonical_word(w) for w in re.findall(r"[^\W\d_]+|[%¢€£¥₹°]|\^ *-? *\d|/|\d", plain)]
    joined = " ".join(words).replace(" ^", "^").replace("^ ", "^").replace(" / ", "/")
    joined = re.sub(r"\b(?:degree|°) ([CFcf])\b", lambda m: "°" + m.group(1).upper(), joined)
    joined = re.sub(
        r" (\w+)\^ ?-(\d)", lambda m: f"/{m.group(1)}{'' if m.group(2) == '1' else '^' + m.group(2)}", joined
    )
    joined = re.sub(r"\bdegree °", "°", joined)
    joined = re.sub(r"\bsquare (\w+)$", r"\1^2", joined)
    return re.sub(r"\bcubic (\w+)$", r"\1^3", joined).strip()


def _canonical_word(word: str) -> str:
    word = CANONICAL.get(word, CANONICAL.get(word.lower(), word.lower()))
    return "/" if word == "per" else _PER.get(word, word)


def is_known(unit: str) -> bool:
    """Whether every word of a canonical unit is in the table: only then can two units contradict each other."""
    words = [unit] if unit in CANONICAL else re.findall(r"[^\W\d_]+|[%€£¥₹]", unit)
    return unit != "unit" and all(word in CANONICAL for word in words)
