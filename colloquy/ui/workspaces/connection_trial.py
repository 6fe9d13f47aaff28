"""Tests of connections, which may take seconds: in the background, and how they end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import streamlit as st

from colloquy.agents.data.errors import ConnectionInvalidError
from colloquy.ui import state
from colloquy.ui.formatting import plain_markdown
from colloquy.ui.state import Part
from session_store.errors import ColloquyError

TRIAL: Final = "connection_trial"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test ended: a sentence of what was found, or of what is wrong."""

    found: bool
    text: str


@dataclass(slots=True)
class Trial:
    """A test of a connection of a workspace. ``outcome`` is None while it is under way."""

    workspace_id: str
    outcome: Outcome | None = None
    save: Callable[[], None] | None = None
    """Keeps what is tested: done where the test succeeds, offered where it does not."""
    password: str = field(default="", repr=False)
    """The one that was typed: it stays in no field of the page, where others could read it, while the test goes on."""

    def begin(self, look: Callable[[], str]) -> None:
        """Look in the background, so that no page has to wait for a server that does not answer."""
        threading.Thread(target=self._run, args=(look,), name="connection test", daemon=True).start()

    def _run(self, look: Callable[[], str]) -> None:
        outcome = Outcome(found=False, text="The test did not finish. See the log for details.")
        try:
            outcome = Outcome(found=True, text=look())
            if self.save:
                self.save()
        except ConnectionInvalidError as error:
            self.save = None  # it is no connection at all
            outcome = Outcome(found=False, text=str(error))
        except ColloquyError as error:
            outcome = Outcome(found=False, text=str(error))
        finally:
            self.outcome = outcome


def _trial_of(workspace_id: str) -> Trial | None:
    trial: Trial | None = st.session_state.get(TRIAL)
    return trial if trial and trial.workspace_id == workspace_id else None


def is_under_way(workspace_id: str) -> bool:
    """Whether a connection of this workspace is being tested."""
    trial = _trial_of(workspace_id)
    return trial is not None and trial.outcome is None


def has_outcome(workspace_id: str) -> bool:
    """Whether the page says what the last test of this workspace's connection found."""
    return _trial_of(workspace_id) is not None


def is_saved(workspace_id: str) -> bool:
    """Whether what was tested is now the connection of the workspace."""
    trial = _trial_of(workspace_id)
    return trial is not None and trial.save is not None and trial.outcome is not None and trial.outcome.found


def waits_to_be_saved(workspace_id: str) -> Callable[[], None] | None:
    """What keeps the connection that was to be saved and whose test failed."""
    trial = _trial_of(workspace_id)
    return trial.save if trial and trial.outcome and not trial.outcome.found else None


def outcome_of_trial(workspace_id: str) -> None:
    """What the last test of a workspace's connection found, or that it is under way."""
    trial = _trial_of(workspace_id)
    if trial is None:
        return
    if trial.outcome is None:
        _until_over(trial)
    elif trial.outcome.found:
        st.success(plain_markdown(trial.outcome.text), icon=":material/check_circle:")
    else:
        st.error(plain_markdown(trial.outcome.text), icon=":material/error:")


@st.fragment(run_every=0.3)
def _until_over(trial: Trial) -> None:
    if state.must_give_way(Part.TRIAL) or trial.outcome:
        state.rerun()
    st.info("Testing the connection …", icon="spinner")


def typed_password(workspace_id: str) -> str:
    """The password that what was tested last has; empty if none was typed."""
    trial = _trial_of(workspace_id)
    return trial.password if trial else ""


def begin_trial(
    workspace_id: str, look: Callable[[], str], save: Callable[[], None] | None = None, password: str = ""
) -> None:
    """Test a connection of a workspace in the background; ``look`` raises ColloquyError where it does not work.

    ``save`` keeps it: at once where it works, when that is asked for where it does not.
    """
    st.session_state[TRIAL] = trial = Trial(workspace_id, save=save, password=password)
    trial.begin(look)


def end_trial(workspace_id: str, problem: ColloquyError) -> None:
    """Say what is wrong with a connection without a test."""
    st.session_state[TRIAL] = Trial(workspace_id, Outcome(found=False, text=str(problem)))


def forget_trial() -> None:
    """What was found does not matter any more."""
    st.session_state.pop(TRIAL, None)
