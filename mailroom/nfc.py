"""Unicode normalization in linear time."""

import re
import unicodedata

_LONGEST_RUN = 30
"""Of combining marks, in text that is made to be normalized (UAX #15, Stream-Safe Text Format)."""

_RUN = re.compile(r"[^\x00-\x7f\w\s]+")  # whatever is neither ASCII nor a letter, all combining marks among it


def nfc(text: str) -> str:
    """Normalization Form C; a text with an endless run of combining marks stays as it is, for it takes the square."""
    if text.isascii():
        return text
    endless = any(len(run[0]) > _LONGEST_RUN for run in _RUN.finditer(text))
    return text if endless else unicodedata.normalize("NFC", text)
