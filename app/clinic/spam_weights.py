"""How suspicious each sign of spam is: ``[screening]`` in clinic.toml, all of it optional."""

from typing import Annotated

from pydantic import Field

from app.clinic.frozen import Frozen

Points = Annotated[float, Field(ge=0, le=100)]


class Weights(Frozen):
    """Points for each sign. The defaults are chosen so that none but the hidden field,
    and the same words from five people, is enough by itself.
    """

    hidden_field: Points = 5.0
    no_browser: Points = 1.75
    too_fast: Points = 2.5
    same_words: Points = 1.5  # for each other inquiry with this message, up to four
    one_source: Points = 1.0  # in steps: 3, 10 and 30 others in an hour
    link: Points = 0.75  # for each link, up to four
    disguised_link: Points = 2.0
    link_markup: Points = 3.0
    link_in_name: Points = 4.0
    offer: Points = 2.5  # for each phrase that sells something, up to four
    sales_tone: Points = 0.75  # for each phrase that salespeople use and others too, up to four
    gibberish: Points = 3.0
    gibberish_name: Points = 2.5
    mixed_alphabets: Points = 2.5
    disposable_address: Points = 1.5


class Screening(Frozen):
    """An inquiry with ``threshold`` points or more is held for a person to look at."""

    threshold: Annotated[float, Field(gt=0, le=1000)] = 5.0
    weights: Weights = Weights()
