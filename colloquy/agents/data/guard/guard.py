"""The first line of defense: reads and judges a query before any engine sees it.

It runs in the worker's process, so that a query too hard to parse is cut off along with the process. Therefore this
module and its imports know nothing of the rest of Colloquy.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from colloquy.agents.data.guard.functions import ALLOWED, NOT_FUNCTIONS, Dialect

MAX_CHARACTERS: Final = 100_000
MAX_DEPTH: Final = 40
"""The deepest nesting of brackets. sqlglot itself gives up at about 45."""

_ALLOWED_ROOTS: Final = (exp.Select, exp.SetOperation, exp.Values, exp.Subquery)
_FORBIDDEN_NODES: Final = (
    exp.DML,
    exp.DDL,
    exp.Command,
    exp.Into,
    exp.Lock,
    exp.Copy,
    exp.Attach,
    exp.Detach,
    exp.Drop,
    exp.Alter,
    exp.Pragma,
    exp.Set,
    exp.Use,
    exp.Transaction,
    exp.Placeholder,
    exp.Parameter,
    exp.SessionParameter,
    exp.ReadCSV,
    exp.ReadParquet,
    exp.CurrentUser,
    exp.SessionUser,
    exp.CurrentCatalog,
)
_OPENING: Final = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSING: Final = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
_PLAIN_STRINGS: Final = {TokenType.STRING}
_ODD_STRINGS: Final = {TokenType.UNICODE_STRING, TokenType.BYTE_STRING, TokenType.HEREDOC_STRING, TokenType.RAW_STRING}
_FILE_LIKE: Final = re.compile(
    r"[/\\:*?]|\.(csv|tsv|txt|parquet|json|jsonl|ndjson|gz|zst|xlsx|db|ddb|duckdb|sqlite3?)$", re.IGNORECASE
)

_OPEN_CATALOGS_TEXT: Final = """
pg_class pg_namespace pg_attribute pg_type pg_description pg_index pg_constraint pg_tables pg_views pg_matviews
pg_indexes pg_enum duckdb_tables duckdb_columns duckdb_views duckdb_constraints duckdb_schemas sqlite_master
sqlite_schema sqlite_sequence
"""
_OPEN_CATALOGS: Final = frozenset(_OPEN_CATALOGS_TEXT.split())
_OPEN_INFORMATION_SCHEMA_TEXT: Final = """
tables columns views schemata table_constraints key_column_usage referential_constraints constraint_column_usage
constraint_table_usage check_constraints element_types character_sets
"""
_OPEN_INFORMATION_SCHEMA: Final = frozenset(_OPEN_INFORMATION_SCHEMA_TEXT.split())
_CLOSED_PREFIXES: Final = ("pg_", "duckdb_", "sqlite_", "pragma_", "sqlite ")
_CLOSED_TABLES: Final = frozenset({"dbstat", "bytecode", "tables_used", "fts3tokenize", "completion"})

_NO_PARAMETERS: Final = "A query has no parameters: write the values into it."
_EXPLAIN: Final = re.compile(r"\s*explain\s+(?:(analyze|query\s+plan)\s+)?(?=\S)", re.IGNORECASE)
_INSPECTION: Final = re.compile(
    r"""\s*(?: (?P<show>show\s+(?:all\s+)?tables)
            | (?P<verb>describe|desc|summarize)\s+(?P<name>(?:"[^"]+"|[^\W\d]\w*)(?:\.(?:"[^"]+"|[^\W\d]\w*)){0,2})
        )\s*;?\s*$""",
    re.IGNORECASE | re.VERBOSE,
)
_LISTINGS: Final[dict[Dialect, str]] = {
    "sqlite": r"""
select name from sqlite_master
where type in ('table', 'view') and name not like 'sqlite\_%' escape '\' order by name
""",
    "postgres": r"""
select case when pg_table_is_visible(c.oid) then c.relname::text else n.nspname || '.' || c.relname end as name
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
order by 1
""",
}
"""What SHOW TABLES runs on engines that have no such statement."""


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault; the parent turns it into a SqlRefusedError
    """This SQL is refused. The text says why, and what to ask instead."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One query that may run. ``sql`` is the query as it was read, without its comments."""

    sql: str
    is_rows: bool
    """Whether it is a plain query; False for EXPLAIN, DESCRIBE and SHOW."""


def check(sql: str, dialect: Dialect) -> Statement:
    """Accept a single query that only reads.

    Raises:
        Refusal: it is anything else, or cannot be parsed.
    """
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    _check_text(sql)
    inspection = _INSPECTION.match(sql)
    if inspection and inspection["show"] and dialect in _LISTINGS:
        return Statement(_LISTINGS[dialect].strip(), is_rows=False)
    if dialect == "duckdb" and inspection:
        _check_table_name((inspection["name"] or "").replace('"', "").lower().split("."), dialect)
        return Statement(sql.strip().rstrip("; \t\r\n"), is_rows=False)
    tokens = _tokens(sql, dialect)
    if tokens and tokens[0].text.lower() == "explain":
        return _check_explained(sql[tokens[0].start :], dialect)
    return Statement(_check_query(tokens, sql, dialect), is_rows=True)


def _check_explained(sql: str, dialect: Dialect) -> Statement:
    match = _EXPLAIN.match(sql)
    if match is None:
        raise Refusal("EXPLAIN stands before a SELECT, without options other than ANALYZE.")
    rest = sql[match.end() :]
    inner = _check_query(_tokens(rest, dialect), rest, dialect)
    # Only the words matched above: "explain" itself, and the option after it.
    return Statement(f"EXPLAIN {match[1] or ''} {inner}", is_rows=False)


def _check_query(tokens: list[Token], sql: str, dialect: Dialect) -> str:
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens = tokens[:-1]
    if not tokens:
        raise Refusal("There is no SQL in this. Write one SELECT statement.")
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise Refusal("Only one statement at a time is run. Send the statements one by one.")
    _check_first_word(tokens[0])
    _check_depth(tokens)
    text = _written_again(tokens, sql, dialect)
    tree = _parsed(text, dialect)
    _check_nodes(tree)
    tokens = _tokens(text, dialect)
    _check_functions(tokens, tree, dialect)
    _check_tables(tokens, tree, dialect)
    return text


def _check_text(sql: str) -> None:
    if len(sql) > MAX_CHARACTERS:
        raise Refusal(f"The query is longer than {MAX_CHARACTERS:,} characters. Split it up.")
    for character in sql:
        if character in "\t\n\r" or " " <= character <= "~":
            continue
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
            raise Refusal(
                f"The query contains the invisible character U+{ord(character):04X}. Write it again without it."
            )


def _tokens(sql: str, dialect: Dialect) -> list[Token]:
    try:
        return list(sqlglot.tokenize(sql, dialect=dialect))
    except (SqlglotError, RecursionError, ValueError) as error:
        raise _unreadable(error) from None


def _parsed(sql: str, dialect: Dialect) -> exp.Expression:
    try:
        trees = sqlglot.parse(sql, dialect=dialect)
    except (SqlglotError, RecursionError, ValueError) as error:
        raise _unreadable(error) from None
    if len(trees) != 1 or trees[0] is None:
        raise Refusal("Only one statement at a time is run. Send the statements one by one.")
    tree = trees[0]
    if not isinstance(tree, _ALLOWED_ROOTS):
        raise Refusal("Only queries that read are run: SELECT, WITH … SELECT, VALUES, EXPLAIN, DESCRIBE, SHOW TABLES.")
    return tree


def _unreadable(error: Exception) -> Refusal:
    if isinstance(error, RecursionError):
        return Refusal("The query is nested too deeply to be read. Write it with fewer levels.")
    place = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    near, description = str(place.get("highlight") or "").strip()[:80], str(place.get("description") or "")
    where = f" near “{near}” in line {place.get('line')}" if near else ""
    why = f" ({description[:80].rstrip('.')})" if description.startswith("Expect") else ""  # others name its classes
    advice = "Check how it is written, and whether each quotation mark and bracket is closed."
    return Refusal(f"The query could not be read as SQL{where}{why}, so it was not run. {advice}")


def _check_first_word(token: Token) -> None:
    word = token.text.upper()
    if word not in {"SELECT", "WITH", "VALUES", "FROM", "(", "TABLE"}:
        raise Refusal(
            f"{word[:30]} is not run here: the data is open for reading only. "
            "Write a SELECT (or WITH … SELECT, VALUES, EXPLAIN, DESCRIBE, SHOW TABLES)."
        )


def _check_depth(tokens: list[Token]) -> None:
    depth = 0
    for token in tokens:
        if token.token_type in _OPENING:
            depth += 1
        elif token.token_type in _CLOSING:
            depth -= 1
        if depth > MAX_DEPTH:
            raise Refusal(f"The query has more than {MAX_DEPTH} brackets within brackets. Write it with fewer levels.")


def _written_again(tokens: list[Token], sql: str, dialect: Dialect) -> str:
    """The tokens as the engine should read them: without comments, and without kinds of quoting that two parsers could
    understand differently."""
    parts: list[str] = []
    end = None
    for token in tokens:
        if end is not None and token.start > end + 1:
            parts.append(" ")
        parts.append(_rendered(token, sql, dialect))
        end = token.end
    return "".join(parts)


def _rendered(token: Token, sql: str, dialect: Dialect) -> str:
    if token.token_type in _ODD_STRINGS:
        raise Refusal("Write texts in plain single quotes: 'like this', a quote within as two quotes.")
    if token.token_type in _PLAIN_STRINGS:
        return "'" + token.text.replace("'", "''") + "'"
    if token.token_type is TokenType.IDENTIFIER:
        return '"' + token.text.replace('"', '""') + '"'
    text = sql[token.start : token.end + 1]
    if not text.isascii() and not text.isidentifier():
        raise Refusal(f"The query contains {text[:20]!r} outside of quotes. Quote the name or leave it out.")
    if text.startswith("$") or (text == "?" and dialect != "postgres"):
        raise Refusal(_NO_PARAMETERS)
    return text


def _check_nodes(tree: exp.Expression) -> None:
    for node in tree.walk():
        if isinstance(node, _FORBIDDEN_NODES):
            raise Refusal(_reason(node))


def _reason(node: object) -> str:
    if isinstance(node, exp.Placeholder | exp.Parameter | exp.SessionParameter):
        return _NO_PARAMETERS
    if isinstance(node, exp.Into):
        return "SELECT INTO makes a table, and the data is open for reading only. Leave INTO out."
    if isinstance(node, exp.Lock):
        return "FOR UPDATE and FOR SHARE lock rows, and the data is open for reading only. Leave it out."
    if isinstance(node, exp.Func):
        return _function_refused(node.sql_name())
    return f"{type(node).__name__.upper()} is not run here, nor within a query: the data is open for reading only."


def _function_refused(name: str) -> str:
    return (
        f"The function {name.lower()[:60]}() is not among those that may be called here. "
        "Files, network, settings and other databases are out of reach; query the tables with the usual functions."
    )


def _check_functions(tokens: list[Token], tree: exp.Expression, dialect: Dialect) -> None:
    allowed = ALLOWED[dialect]
    for node in tree.find_all(exp.Anonymous, exp.AnonymousAggFunc):
        if node.name.lower() not in allowed:
            raise Refusal(_function_refused(node.name))
    aliases = Counter(
        alias.name.lower() for alias in tree.find_all(exp.TableAlias) if alias.name and alias.args.get("columns")
    )
    unknown: Counter[str] = Counter()
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if after is None or after.token_type is not TokenType.L_PAREN or not _is_word(token):
            continue
        name = token.text.lower()
        is_quoted = token.token_type is TokenType.IDENTIFIER
        is_member = before is not None and before.token_type is TokenType.DOT
        if name in allowed or (name in NOT_FUNCTIONS and not is_quoted and not is_member):
            continue
        unknown[name] += 1
    for name, times in unknown.items():
        # A table expression that lists its columns also has its name before a parenthesis.
        if times > aliases[name]:
            raise Refusal(_function_refused(name))


def _is_word(token: Token) -> bool:
    return token.token_type is TokenType.IDENTIFIER or token.text.replace("_", "a").isalnum()


def _check_tables(tokens: list[Token], tree: exp.Expression, dialect: Dialect) -> None:
    quoted = {token.text for token in tokens if token.token_type is TokenType.IDENTIFIER}
    for table in tree.find_all(exp.Table):
        for part in table.parts:
            if not isinstance(part, exp.Identifier):
                continue
            if part.quoted and part.name not in quoted:
                raise Refusal(
                    f"'{part.name[:60]}' in single quotes is not a table. Only the listed tables can be read."
                )
        if table.parts:
            _check_table_name([part.name.lower() for part in table.parts], dialect)


def _check_table_name(parts: list[str], dialect: Dialect) -> None:
    name = parts[-1]
    whole = ".".join(parts[1:] if parts[0] == "main" else parts)
    if dialect == "duckdb" and any(_FILE_LIKE.search(part) for part in [*parts, whole]):
        raise Refusal(f"{'.'.join(parts)[:80]!r} looks like a file. Only the listed tables can be read.")
    in_information_schema = "information_schema" in parts[:-1]
    if in_information_schema and name not in _OPEN_INFORMATION_SCHEMA:
        raise Refusal(f"information_schema.{name[:60]} is not available here. Use the tables of the data.")
    is_closed = name in _CLOSED_TABLES or name.startswith(_CLOSED_PREFIXES) or "pg_catalog" in parts[:-1]
    if is_closed and name not in _OPEN_CATALOGS:
        raise Refusal(f"The system table {name[:60]} is not available here. Use the tables of the data.")
