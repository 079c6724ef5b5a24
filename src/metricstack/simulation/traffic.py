"""Traffic as telemetry sees it: requests, spans, inferences, actions, plans, handoffs of one stretch of time."""

import numpy as np
import pyarrow as pa

from metricstack.simulation.columns import assemble, category, constant, flags, floats, instants, integers
from metricstack.simulation.company import (
    CHANNELS,
    EMBEDDING,
    MODELS,
    PROMPTS,
    REGIONS,
    SEGMENTS,
    TASKS,
    TEAMS,
    USE_CASES,
)
from metricstack.simulation.dirt import SKEWED_WEEKS
from metricstack.simulation.identifiers import fractions, hexes, mix
from metricstack.simulation.model import CALLS
from metricstack.simulation.runs import FEATURES, INFERENCE, RETRIEVAL, REVIEW, ROOT, Runs

__all__ = ["actions", "handoffs", "llm_calls", "plans", "requests", "spans"]

_OUTCOMES = ("success", "failure", "abandoned", "escalated", "unknown")
_OUTCOME_SOURCES = ("declared", "evaluated", "kpi", "human", "rule")
_ERRORS = ("timeout", "rate_limit", "provider_error", "tool_error", "content_filter")
_AGENTS = ("support-agent", "search-agent", "document-agent", "code-agent")
_WORKFLOWS = tuple(f"{use_case}/{task}" for use_case, tasks in zip(USE_CASES, TASKS, strict=True) for task in tasks)
_TASK_NAMES = tuple(task for tasks in TASKS for task in tasks)
_TOOLS = (
    ("order_lookup", "knowledge_search", "refund", "ticket"),
    ("index_search", "catalog_lookup", "price_lookup", "rerank"),
    ("ocr", "erp_lookup", "policy_search", "form_write"),
    ("repository_search", "test_run", "file_read", "file_write"),
)
_TOOL_NAMES = tuple(tool for tools in _TOOLS for tool in tools)
_WRITES = np.array([tool in ("refund", "ticket", "form_write", "file_write") for tool in _TOOL_NAMES])
_BUCKETS = ("tokens_input_uncached", "tokens_cache_read", "tokens_cache_write", "tokens_output", "tokens_reasoning")

_OPERATIONS = ("workflow", "ingest", "retrieve", "build_features", "infer", "review")
_STEPS = ("workflow", "ingestion", "retrieval", "feature_creation", "inference", "human_review")
_DEPENDENCIES = ("vector_store", "meridian", "northlight", "feature_store")
# Chance that the quality check of a step passes; inference follows the answer's quality.
_STEP_OK = np.array([0.0, 0.992, 0.985, 0.99, 0.0, 0.97])


def requests(runs: Runs, rng: np.random.Generator) -> pa.Table:
    """Write the runs down."""
    people, outcomes, users = runs.people, runs.outcomes, runs.world.users
    rows = runs.arrange(people.start, np.arange(people.n), rng)
    of = rows.of
    u, user = people.use_case[of], people.user[of]
    open_ = runs.unreported & (people.noise.extra < 0.25)
    outcome = np.select([outcomes.success, outcomes.abandoned, outcomes.escalated], [0, 2, 3], default=1)
    outcome = np.where(runs.unreported, 4, outcome)[of]
    source = np.select(
        [outcomes.escalated, outcomes.abandoned, outcomes.failed, people.noise.rescue < 0.5], [3, 4, 0, 0], default=1
    )[of]
    repeated = people.noise.extra < 0.25
    question = np.where(repeated, np.floor(500**people.noise.again), 1e6 + runs.number).astype(np.uint64)
    question = question * np.uint64(16) + (people.task + 4 * people.use_case).astype(np.uint64)
    spent, state = outcomes.cost.copy(), np.where(outcomes.model >= 5, 1, 0)
    partial = runs.uncosted == 1
    spent[partial] = outcomes.call_cost[partial, 0]
    state[partial], state[runs.uncosted == 2] = 2, 3
    total = outcomes.tokens.sum(axis=1)[of]
    waited = outcomes.escalated * 0.15 * people.noise.minutes.clip(0, 1)
    columns = {
        **runs.shared(rows),
        "trace": runs.trace(of),
        "session": hexes(mix(runs.session[of], runs.salt(4))),
        "user": hexes(users.identity[user]),
        "team": category(np.maximum(users.team[user], 0), TEAMS, users.team[user] >= 0),
        "tenant": hexes(users.tenant[user], users.tenant[user] > 0),
        "region": category(users.region[user], REGIONS),
        "segment": category(users.segment[user], SEGMENTS),
        "channel": category(people.channel[of], CHANNELS),
        "task": category(people.task[of] + 4 * u, _TASK_NAMES),
        "input_hash": hexes(mix(question[of], runs.salt(5))),
        "workflow": category(people.task[of] + 4 * u, _WORKFLOWS),
        "agent": category(u, _AGENTS),
        "agent_version": category(
            (runs.world.demand.fraction[people.hour[of]] * 5).astype(np.int8), ("1.0", "1.1", "1.2", "2.0", "2.1")
        ),
        "model": category(outcomes.model[of], runs.models()),
        "prompt_version": category(people.circumstances.prompt[of], tuple(prompt.name for prompt in PROMPTS)),
        "feature_version": category(
            (runs.world.demand.fraction[people.hour[of]] * 3).astype(np.int8), ("f7", "f8", "f9")
        ),
        "input_schema_version": constant("2", rows.n),
        "difficulty": floats(people.difficulty[of], 3, (people.noise.review < 0.7)[of]),
        "start": instants(people.start[of]),
        "end": instants((people.start + runs.latency)[of], ~open_[of]),
        "outcome": category(outcome, _OUTCOMES),
        "outcome_source": category(source, _OUTCOME_SOURCES, outcome != 4),
        "latency": floats(runs.latency[of] / 1e6, 3, ~open_[of]),
        "active": floats((runs.latency / 1e6 * (1.0 - waited))[of], 3, ~open_[of]),
        "error_type": category((people.noise.rescue[of] * 4.999).astype(np.int8), _ERRORS, outcomes.failed[of]),
        "fallback": flags(outcomes.fallback[of]),
        "human_touches": integers((outcomes.escalated.astype(np.int64) + (runs.reviewed & ~outcomes.escalated))[of]),
        "human_minutes": floats(outcomes.human_minutes[of], 2),
        "retries": integers(outcomes.retried[of]),
        **{name: integers(total[:, bucket]) for bucket, name in enumerate(_BUCKETS)},
        "answer_length": integers(outcomes.words[of], ~outcomes.failed[of]),
        "cost": floats(spent[of], 8, runs.uncosted[of] < 2),
        "cost_state": category(state[of], ("measured", "priced", "partial", "unknown")),
    }
    return assemble("requests", rows.n, columns)


def spans(runs: Runs, rng: np.random.Generator) -> pa.Table:
    """Write the steps of the runs down, each with its quality check."""
    people, outcomes, dirt = runs.people, runs.outcomes, runs.world.settings.dirt
    there = np.ones((people.n, 6), dtype=bool)
    there[:, RETRIEVAL] = people.retrieves > 0
    there[:, REVIEW] = runs.reviewed
    there[:, ROOT] = fractions(runs.number, runs.salt(20)) >= dirt.missing_parents
    fraction = runs.world.demand.fraction[people.hour]
    wrong = (fraction >= SKEWED_WEEKS[0]) & (fraction < SKEWED_WEEKS[1]) & (dirt.clock_skew != 0.0)
    shift = int(dirt.clock_skew * 1e6) * wrong
    start = runs.step_start.copy()
    start[:, RETRIEVAL] -= shift
    every = np.arange(people.n * 6)
    rows = runs.arrange(start.ravel(), every // 6, rng, there.ravel())
    of, slot = rows.of, rows.index % 6
    begin, length = start.ravel()[rows.index], runs.step_length.ravel()[rows.index]
    skewed = wrong[of] & (slot == RETRIEVAL)
    chance = people.noise.extra[of] + 0.37 * slot  # one number per span, made from one per run
    chance -= np.floor(chance)
    answered = np.where(slot == INFERENCE, outcomes.quality[of] > 0.45, chance < _STEP_OK[slot])
    ok = answered & ~(outcomes.failed[of] & (slot == INFERENCE))
    handled = (slot == INFERENCE) & outcomes.retried[of]  # an error that a retry healed: not the run's outcome
    broken = handled | ((slot <= ROOT) & outcomes.failed[of])
    depends = np.select([slot == RETRIEVAL, slot == FEATURES, outcomes.model[of] >= 5], [0, 3, 2], default=1)
    columns = {
        **runs.shared(rows, skewed & (people.noise.length[of] < 0.5)),
        "span": runs.span(of, slot),
        "trace": runs.trace(of),
        "parent": runs.span(of, ROOT, slot != ROOT),
        "operation": category(slot, _OPERATIONS),
        "step": category(slot, _STEPS),
        "quality_ok": flags(ok, (chance > 0.004) & (slot != ROOT)),
        "status": category(broken, ("ok", "error")),
        "dependency": category(depends, _DEPENDENCIES, (slot >= RETRIEVAL) & (slot <= INFERENCE)),
        "start": instants(begin),
        "end": instants(begin + length),
        "latency": floats(length / 1e6, 3),
    }
    return assemble("spans", rows.n, columns)


def llm_calls(runs: Runs, rng: np.random.Generator) -> pa.Table:
    """Write the inferences down: the leaves, where tokens and cost are."""
    people, outcomes = runs.people, runs.outcomes
    there = np.ones((people.n, 4), dtype=bool)
    there[:, 1], there[:, 2], there[:, 3] = outcomes.retried, people.plans > 0, people.retrieves > 0
    # The inference step holds plan, failed attempt and answer one after the other.
    step = runs.step_length[:, INFERENCE]
    length = np.empty((people.n, 4), dtype=np.int64)
    length[:, 2] = step * people.plans * 0.2 // 1000 * 1000
    length[:, 1] = step * outcomes.retried * 0.35 // 1000 * 1000
    length[:, 0] = step - length[:, 1] - length[:, 2]
    length[:, 3] = runs.step_length[:, RETRIEVAL] // 2000 * 1000
    start = np.empty_like(length)
    start[:, 2] = runs.step_start[:, INFERENCE]
    start[:, 1] = start[:, 2] + length[:, 2]
    start[:, 0] = start[:, 1] + length[:, 1]
    start[:, 3] = runs.step_start[:, RETRIEVAL]
    rows = runs.arrange(start.ravel(), np.arange(people.n * 4) // 4, rng, there.ravel())
    of, slot = rows.of, rows.index % 4
    begin, lasted = start.ravel()[rows.index], length.ravel()[rows.index]
    tokens = outcomes.tokens.reshape(-1, 5)[rows.index]
    model = np.where(slot == 3, len(MODELS), outcomes.model[of])
    names = (*runs.models(), EMBEDDING.name)
    broken = (slot == 1) | ((slot == 0) & outcomes.failed[of])
    wait = lasted * (0.12 + 0.25 * people.noise.review[of]) * (1.0 + (tokens[:, 4] > 400))
    costed = (runs.uncosted[of] == 0) | ((runs.uncosted[of] == 1) & (slot == 0))
    columns = {
        **runs.shared(rows),
        "call": runs.span(of, slot),
        "trace": runs.trace(of),
        "parent": runs.span(of, np.where(slot == 3, RETRIEVAL, INFERENCE)),
        "operation": category(slot, CALLS),
        "provider": category(np.isin(model, (5, 6)), ("meridian", "northlight")),
        "model_requested": category(model, names),
        "model": category(model, names),
        "prompt_version": category(
            people.circumstances.prompt[of], tuple(prompt.name for prompt in PROMPTS), slot != 3
        ),
        "start": instants(begin),
        "end": instants(begin + lasted),
        "latency": floats(lasted / 1e6, 3),
        "time_to_first_token": floats(wait / 1e6, 3, ~broken & (slot != 3)),
        "error_type": category((people.noise.rescue[of] * 2.999).astype(np.int8), _ERRORS, broken),
        **{name: integers(tokens[:, bucket]) for bucket, name in enumerate(_BUCKETS)},
        "cost": floats(outcomes.call_cost.ravel()[rows.index], 8, costed),
        "cost_source": category(np.where(costed, np.isin(model, (5, 6)), 2), ("reported", "price_book", "unknown")),
    }
    # Call ids are a kind of their own: the same counter under another salt.
    columns["call"] = hexes(mix(runs.number[of] * np.uint64(4) + slot.astype(np.uint64), runs.salt(6)))
    return assemble("llm_calls", rows.n, columns)


def actions(runs: Runs, rng: np.random.Generator) -> pa.Table:
    """Write the tool calls down, every attempt a row."""
    people, outcomes = runs.people, runs.outcomes
    of = np.repeat(np.arange(people.n), people.actions)
    place = np.arange(len(of)) - np.repeat(np.cumsum(people.actions) - people.actions, people.actions)
    broken = rng.random(len(of)) < 0.05 + 0.5 * people.circumstances.error[of]
    tries = 1 + broken.astype(np.int64)
    which = np.repeat(np.arange(len(of)), tries)
    of, place = of[which], place[which]
    attempt = np.ones(len(of), dtype=np.int64)
    attempt[1:] += which[1:] == which[:-1]
    share = (place + 0.45 * (attempt - 1)) / (people.actions[of] + 1)
    start = runs.step_start[of, INFERENCE] + (share * runs.step_length[of, INFERENCE]).astype(np.int64) // 1000 * 1000
    ok = ~broken[which] | ((attempt == 2) & (rng.random(len(of)) < 0.8))
    tool = rng.integers(0, 4, len(of)) + 4 * people.use_case[of]
    tool = tool[np.searchsorted(which, which)]  # a second attempt calls the same tool
    intended = (rng.random(len(of)) < 0.94)[np.searchsorted(which, which)]
    rows = runs.arrange(start, of, rng)
    index, of = rows.index, rows.of
    seconds = (0.02 + 0.08 * runs.latency[of] / 1e6 * rng.random(rows.n)).round(3)
    columns = {
        **runs.shared(rows),
        "action": hexes(mix(runs.number[of] * np.uint64(64) + place[index].astype(np.uint64), runs.salt(7))),
        "attempt": integers(attempt[index]),
        "agent": category(people.use_case[of], _AGENTS),
        "tool": category(tool[index], _TOOL_NAMES),
        "start": instants(start[index]),
        "ok": flags(ok[index]),
        "error_type": category((outcomes.quality[of] * 3.999).astype(np.int8), _ERRORS, ~ok[index]),
        "effect": category(np.where(_WRITES[tool[index]], 1, 0), ("read", "write", "none")),
        "intended": flags(intended[index]),
        "latency": floats(seconds, 3),
        "cpu": floats(seconds * 0.6, 4),
        "memory": floats(0.2 + 0.3 * intended[index], 3),
        "gpu": floats(np.zeros(rows.n), 3, people.use_case[of] == 2),
        "cost": floats(np.where(attempt[index] == 1, 0.0004, 0.0), 6),
    }
    return assemble("actions", rows.n, columns)


def plans(runs: Runs, rng: np.random.Generator) -> pa.Table:
    """Write the plans down, and how what was executed differs from a reference."""
    people, outcomes = runs.people, runs.outcomes
    of = np.flatnonzero(people.plans)
    start = runs.step_start[of, INFERENCE]
    rows = runs.arrange(start, of, rng)
    of = rows.of
    good = outcomes.quality[of]
    executed = 1 + people.actions[of]
    extra = (rng.random(rows.n) < 0.9 - good) * 1
    skipped = rng.poisson(0.9 * (1.0 - good))
    reference = rng.random(rows.n) < 0.40
    violated = rng.random(rows.n) < 0.004 + 0.01 * (1.0 - good)
    columns = {
        **runs.shared(rows),
        "plan": hexes(mix(runs.number[of], runs.salt(8))),
        "agent": category(people.use_case[of], _AGENTS),
        "started": instants(runs.step_start[of, INFERENCE]),
        "ready": instants(runs.step_start[of, INFERENCE] + runs.step_length[of, INFERENCE] // 5000 * 1000),
        "steps_planned": integers(executed - extra.clip(0, executed - 1) + skipped),
        "steps_executed": integers(executed),
        "steps_matched": integers(executed - extra.clip(0, executed - 1), reference),
        "steps_extra": integers(extra.clip(0, executed - 1), reference),
        "steps_skipped": integers(skipped, reference),
        "replans": integers(rng.poisson(0.12 + 0.4 * outcomes.retried[of])),
        "plan_correct": flags(rng.random(rows.n) < 0.35 + 0.6 * good, rng.random(rows.n) < 0.3),
        "policy_violation": flags(violated),
        "violation_contained": flags(rng.random(rows.n) < 0.85, violated),
    }
    return assemble("plans", rows.n, columns)


def handoffs(runs: Runs, rng: np.random.Generator) -> pa.Table:
    """Write down who passed work to whom: agent to person where it escalates, agent to agent in documents."""
    people, outcomes = runs.people, runs.outcomes
    to_agent = np.flatnonzero((people.use_case == 2) & (people.noise.minutes > 0.2))
    to_human = np.flatnonzero(runs.reviewed)
    of = np.concatenate([to_human, to_agent])
    human = np.arange(len(of)) < len(to_human)
    requested = np.where(
        human,
        people.start[of] + runs.latency[of],
        runs.step_start[of, INFERENCE] + runs.step_length[of, INFERENCE] // 3000 * 1000,
    )
    rows = runs.arrange(requested, of, rng)
    human, at, of = human[rows.index], requested[rows.index], rows.of
    accepted = np.where(human, np.maximum(runs.step_start[of, REVIEW], at), at + 120_000)
    returned = accepted + np.where(human, runs.step_length[of, REVIEW], runs.step_length[of, INFERENCE] // 4000 * 1000)
    taken = rng.random(rows.n) < 0.955
    end = runs.world.demand.end
    reason = np.where(human, np.where(outcomes.escalated[of], 0, 1), 2)
    columns = {
        **runs.shared(rows),
        "handoff": hexes(mix(runs.number[of] * np.uint64(2) + human.astype(np.uint64), runs.salt(9))),
        "from_kind": constant("agent", rows.n),
        "to_kind": category(human, ("agent", "human")),
        "from_name": category(people.use_case[of], _AGENTS),
        "to_name": category(np.where(human, 1, 0), ("extraction-agent", "service-desk")),
        "requested": instants(at),
        "accepted": instants(accepted, taken & (accepted < end)),
        "returned": instants(returned, taken & (returned < end)),
        "reason": category(reason, ("not_solved", "review_required", "specialist")),
        "was_needed": flags(
            rng.random(rows.n) < np.where(outcomes.escalated[of], 0.82, 0.45), rng.random(rows.n) < 0.3
        ),
    }
    return assemble("handoffs", rows.n, columns)
