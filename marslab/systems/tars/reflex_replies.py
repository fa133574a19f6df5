"""What the reflex says: one template an intent, in the language of the query."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from marslab.systems.tars.reflex import Reading, ReflexCore

TEMPLATES = {
    "ru": {
        "greeting": "Здравствуйте! Чем могу помочь?",
        "farewell": "Рад был помочь. До встречи!",
        "status": "Всё в порядке, я на связи.",
        "time": "Сейчас {time}, {day}, {date}.",
        "quick_action": "Принято: {query}.",
    },
    "en": {
        "greeting": "Hello! How can I help?",
        "farewell": "Glad to help. See you!",
        "status": "All is well, I am here.",
        "time": "It is {time}, {day}, {date}.",
        "quick_action": "Noted: {query}.",
    },
}
DAYS = {
    "ru": ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
MONTHS = {
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "en": "January February March April May June July August September October November December",
}
CYRILLIC, LATIN = re.compile("[а-яё]", re.I), re.compile("[a-z]", re.I)


class ReflexAnswer(NamedTuple):
    """A reply, or None if the brain must be asked; and what the reflex read."""

    text: str | None
    language: str
    reading: Reading


def language_of(text: str) -> str:
    """Return "ru" or "en": the letters that are in the majority, Russian in a tie.

    >>> language_of("включи wifi дома"), language_of("hi"), language_of("2+2")
    ('ru', 'en', 'ru')
    """
    return "en" if len(LATIN.findall(text)) > len(CYRILLIC.findall(text)) else "ru"


def reply(intent: str, query: str, now: datetime) -> str:
    """Fill the template of an intent that a reflex may answer.

    Errors:
        ValueError: there is no template for it

    >>> reply("time", "который час", datetime(2025, 3, 3, 14, 5))
    'Сейчас 14:05, понедельник, 3 марта 2025 года.'
    """
    language = language_of(query)
    if intent not in TEMPLATES[language]:
        raise ValueError(f"reply: the reflex has no template for {intent!r}")
    month = MONTHS[language].split()[now.month - 1]
    year = f"{now.year} года" if language == "ru" else str(now.year)
    return TEMPLATES[language][intent].format(
        time=f"{now:%H:%M}",
        day=DAYS[language][now.weekday()],
        date=f"{now.day} {month} {year}",
        query=query.strip(" .!?"),
    )


def answer(
    core: ReflexCore, text: str, clock: Callable[[], datetime] = datetime.now
) -> ReflexAnswer:
    """Answer `text` at once if the reflex is sure enough and the intent is not "complex".

    The clock is read here and only for the intent "time".

    Errors:
        TypeError: text is not a str

    >>> answer(ReflexCore().eval(), "Докажи теорему").text is None
    True
    """
    reading = core.read([text])[0]
    language = language_of(text)
    if reading.intent == "complex" or reading.confidence <= core.config.threshold:
        return ReflexAnswer(None, language, reading)
    now = clock() if reading.intent == "time" else datetime(1970, 1, 1)
    return ReflexAnswer(reply(reading.intent, text, now), language, reading)
