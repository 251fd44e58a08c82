"""Transactions as columns: the one form that reading, features, scoring and rings share.

A batch is a mapping of one-dimensional arrays of one length, as `loupe.contract.runtime.columns`
has them. `fields` names them for a scheme:

    id                  unicode    the sender's, unique in a project
    event_time          int64      milliseconds since 1970 in UTC: when it happened
    known_at            int64      milliseconds: when Loupe heard of it
    amount              int64      minor units of the scheme's currency, at the rate of event_time
    amount_original     int64      minor units of `currency`, as sent
    currency            unicode    ISO 4217
    entity.<key>        unicode    identifier (or its keyed hash); empty: not there
    attribute.<key>     unicode, or float64 of kind ``number`` (NaN: not there)
    label               int64      1 fraud, 0 honest, −1 not known
    label_known_at      int64      milliseconds; −1 without a label
"""

import numpy as np

from apps.fraud.scheme import Scheme

ENTITY, ATTRIBUTE, FEATURE = "entity.", "attribute.", "feature."
UNKNOWN, HONEST, FRAUD = -1, 0, 1
LARGEST_AMOUNT = 2**40 - 1
"""Minor units; more is refused, so that no sum of a window overflows 64 bits."""

INTEGERS = ("event_time", "known_at", "amount", "amount_original", "label", "label_known_at")
WORDS = ("id", "currency")


def fields(scheme: Scheme) -> dict[str, np.dtype]:
    """The columns of a batch and their types, in order."""
    integer, word, number = np.dtype(np.int64), np.dtype(np.str_), np.dtype(np.float64)
    return {
        "id": word,
        "event_time": integer,
        "known_at": integer,
        "amount": integer,
        "amount_original": integer,
        "currency": word,
        **{ENTITY + entity.key: word for entity in scheme.entities},
        **{
            ATTRIBUTE + attribute.key: number if attribute.kind == "number" else word
            for attribute in scheme.attributes
        },
        "label": integer,
        "label_known_at": integer,
    }
