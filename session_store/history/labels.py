"""Tags and notes of sessions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from session_store.engine.transaction import Transaction
from session_store.errors import HistoryError
from session_store.json_safe import joined
from session_store.limits import LONGEST_NOTE, LONGEST_TAG, MOST_TAGS
from session_store.models import SessionKey
from session_store.sessions.log import SessionLog

_NUMBER: Final = (
    "(select session_no from sessions where app_name = $1 and user_id = $2 and id = $3 and deleted_at is null)"
)


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Clean tags for storage: trimmed, without duplicates in any case; the first spelling wins.

    Raises:
        HistoryError: one of them is not a valid tag.
    """
    clean = {tag.casefold(): tag for tag in reversed([_clean(tag) for tag in tags])}
    return tuple(sorted(clean.values(), key=str.casefold))


def _clean(tag: str) -> str:
    words = " ".join(joined(tag).split())
    if not words:
        raise HistoryError("A tag needs at least one letter.")
    if len(words) > LONGEST_TAG:
        raise HistoryError(f"The tag “{words[:LONGEST_TAG]}…” is too long: use at most {LONGEST_TAG} characters.")
    if "," in words:
        raise HistoryError(f"The tag “{words}” contains a comma. Split it into two tags, or leave the comma out.")
    if not words.isprintable():
        raise HistoryError("The tag contains invisible characters. Type it again by hand.")
    return words


class StoredLabels:
    """The part of the store that keeps what users note about sessions. Skips sessions that are gone."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    def set_tags(self, keys: Iterable[SessionKey], *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Add tags to sessions and remove others, ignoring case. A tag that is already there stays unchanged.

        Raises:
            HistoryError: one of the tags to add is not valid, or there would be too many; nothing was changed.
        """
        wanted, added = list(keys), list(clean_tags(add))
        removed = [tag.strip().casefold() for tag in remove]

        def work(transaction: Transaction) -> None:
            for head in transaction.present(wanted):
                present = [
                    tag for (tag,) in transaction.rows("select tag from tags where session_no = $1", [head.session_no])
                ]
                kept = clean_tags([tag for tag in present if tag.casefold() not in removed] + added)
                if len(kept) > max(MOST_TAGS, len(present)):
                    raise HistoryError(f"A chat can have at most {MOST_TAGS} tags. Remove others first.")
                if set(kept) != set(present):
                    transaction.execute("delete from tags where session_no = $1", [head.session_no])
                    transaction.execute(
                        "insert into tags select $1, unnest($2::varchar[])", [head.session_no, list(kept)]
                    )

        self._log.writer.submit(work).result()

    def tags(self, key: SessionKey) -> tuple[str, ...]:
        """Return a session's tags, sorted."""
        rows = self._log.database.rows(f"select tag from tags where session_no = {_NUMBER}", _names(key))
        return tuple(sorted((tag for (tag,) in rows), key=str.casefold))

    def all_tags(self, user_id: str | None = None) -> dict[str, int]:
        """Return all tags, sorted, with the number of sessions that have them; of a user's sessions, or of all."""
        rows = self._log.database.rows(
            "select mode(tag), count(*) from tags join sessions using (session_no) "
            "where deleted_at is null and coalesce(user_id = $1, true) group by lower(tag) order by lower(tag)",
            [user_id],
        )
        return dict(rows)

    def set_note(self, key: SessionKey, note: str) -> None:
        """Replace a session's note; a blank one removes it.

        Raises:
            HistoryError: it is too long; nothing was changed.
        """
        kept = joined(note).strip()
        if len(kept) > LONGEST_NOTE:
            raise HistoryError(f"The note has {len(kept):,} characters. Shorten it to at most {LONGEST_NOTE:,}.")

        def work(transaction: Transaction) -> None:
            for head in transaction.present([key]):
                transaction.execute("update sessions set note = $1 where session_no = $2", [kept, head.session_no])

        self._log.writer.submit(work).result()

    def note(self, key: SessionKey) -> str:
        """Return a session's note; empty if there is none."""
        rows = self._log.database.rows(f"select note from sessions where session_no = {_NUMBER}", _names(key))
        return str(rows[0][0]) if rows else ""


def _names(key: SessionKey) -> list[str]:
    return [key.app_name, key.user_id, key.session_id]
