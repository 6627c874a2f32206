"""Words: one reading of text for documents and queries, and what an index knows of each term."""

from mercato.words.clean import TEXT_CHARACTERS, normalise
from mercato.words.highlight import Highlighter, Marked
from mercato.words.scripts import SCRIPTS, scripts
from mercato.words.stem import stem
from mercato.words.tokens import QUERY_CHARACTERS, QUERY_WORDS, UNITS, Token, analyse, query_tokens, tokenise
from mercato.words.vocabulary import Vocabulary

__all__ = [
    "QUERY_CHARACTERS",
    "QUERY_WORDS",
    "SCRIPTS",
    "TEXT_CHARACTERS",
    "UNITS",
    "Highlighter",
    "Marked",
    "Token",
    "Vocabulary",
    "analyse",
    "normalise",
    "query_tokens",
    "scripts",
    "stem",
    "tokenise",
]
