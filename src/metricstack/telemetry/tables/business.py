"""Business: sessions, KPIs, dated events, and what the return on investment rests on."""

from metricstack.telemetry.contract import Table, choice, count, flag, identity, instant, key, number, text

__all__ = [
    "ASSUMPTIONS",
    "BUSINESS_KPIS",
    "EVENTS",
    "PILOTS",
    "PRICES",
    "RESOURCE_USAGE",
    "SESSIONS",
    "SURVEY_RESPONSES",
    "TOOL_TOUCHES",
]

SESSIONS = Table(
    "sessions",
    about="user sessions and what the business got of them",
    grain="one user session",
    event_time="start",
    key=("session",),
    cluster=("user", "session"),
    provider="product analytics: an export with session, user, start, converted, revenue",
    columns=(
        identity("session", "the session"),
        identity("user", "whose session"),
        identity("tenant", "the customer organisation"),
        text("use_case", "the use case that it used most"),
        text("region", "where"),
        text("segment", "kind of customer"),
        text("channel", "web, app, email, api"),
        instant("start", "when it started"),
        instant("end", "when it ended"),
        flag("converted", "the session reached the business goal"),
        number("revenue", "currency", "revenue credited to it"),
        number("cost_to_serve", "currency", "people and systems that served it"),
        flag("resolved", "the user's case was solved"),
        flag("abandoned", "the user left before an answer"),
        flag("returned_28d", "the user came back within 28 days; null = not yet known"),
        count("actions", "things that the user did"),
        flag("promotion", "a promotion ran"),
    ),
)

BUSINESS_KPIS = Table(
    "business_kpis",
    about="business figures from finance and planning, by entity and day",
    grain="one KPI of one entity at one time",
    event_time="time",
    key=("kpi", "entity", "time"),
    cluster=("entity",),
    provider="the finance or planning system: kpi, entity, time, value, unit",
    columns=(
        key("kpi", "which figure"),
        key("entity", "of what: company, region, team"),
        instant("time", "the day or moment it is about"),
        number("value", "1", "the figure, in the unit beside it", minimum=None),
        text("unit", "unit of the figure"),
        text("currency", "currency of an amount"),
        flag("lagging", "true = known only after the fact"),
    ),
)

EVENTS = Table(
    "events",
    about="dated events that move the numbers for reasons of their own",
    grain="one dated event",
    event_time="start",
    key=("event",),
    provider="a calendar: event, kind, scope, start, end",
    columns=(
        key("event", "the event"),
        choice(
            "kind",
            "what kind",
            "promotion",
            "price_change",
            "holiday",
            "training",
            "reorganisation",
            "release",
            "rollout",
        ),
        text("scope", "what it touches: all, region:…, team:…, use_case:…"),
        instant("start", "first moment"),
        instant("end", "first moment after it"),
        text("about", "what it is"),
    ),
)

PILOTS = Table(
    "pilots",
    about="pilots and whether they became supported products",
    grain="one state of one pilot",
    event_time="recorded",
    key=("pilot", "recorded"),
    state_of=("pilot",),
    provider="the AI portfolio register: pilot, recorded, stage",
    columns=(
        key("pilot", "the pilot"),
        instant("recorded", "since when this state holds"),
        text("use_case", "the use case"),
        choice("stage", "where it stands", "pilot", "product", "stopped"),
        flag("monitored", "monitoring is in place"),
        flag("on_call", "an on-call owner is named"),
        flag("promised", "users have a promise of service"),
        text("owner", "team that owns it"),
    ),
)

TOOL_TOUCHES = Table(
    "tool_touches",
    about="systems touched by observed workflow runs, before AI and with it",
    grain="one system touched in one observed workflow run",
    event_time="touched",
    key=("run", "system"),
    cluster=("run",),
    provider="workflow observation or integration logs: run, workflow, system, phase",
    columns=(
        key("run", "the observed run"),
        text("workflow", "which workflow"),
        text("use_case", "the use case"),
        choice("phase", "before AI, or with it", "before", "with_ai"),
        choice("stage", "part of the workflow", "trigger", "decision", "action", "reporting"),
        key("system", "the system touched"),
        instant("touched", "when"),
    ),
)

SURVEY_RESPONSES = Table(
    "survey_responses",
    about="answers to surveys, by team",
    grain="one answer to one question",
    event_time="answered",
    key=("response",),
    cluster=("respondent",),
    provider="the survey tool: response, wave, team, dimension, score",
    columns=(
        key("response", "the answer"),
        text("wave", "the survey wave"),
        identity("respondent", "who answered"),
        text("team", "team of the respondent"),
        choice(
            "dimension",
            "SPACE dimension",
            "satisfaction",
            "performance",
            "activity",
            "communication",
            "efficiency",
        ),
        text("question", "what was asked"),
        instant("answered", "when"),
        number("score", "score", "the answer, 0 to 1", maximum=1.0),
    ),
)

RESOURCE_USAGE = Table(
    "resource_usage",
    about="computing capacity provisioned and used",
    grain="one resource in one interval",
    event_time="time",
    key=("resource", "time"),
    cluster=("resource",),
    provider="the cloud's usage export: resource, time, provisioned, used, cost",
    columns=(
        key("resource", "the resource"),
        instant("time", "start of the interval"),
        text("use_case", "the use case it serves"),
        text("resource_kind", "gpu, cpu, vector_store, ..."),
        number("provisioned", "h", "resource-hours paid for"),
        number("used", "h", "resource-hours used"),
        number("cost", "currency", "what it cost"),
    ),
)

ASSUMPTIONS = Table(
    "assumptions",
    about="inputs of the return on investment that are assumed or measured elsewhere, each with an owner",
    grain="one statement of one input for one use case",
    event_time="stated",
    key=("assumption", "use_case", "stated"),
    state_of=("assumption", "use_case"),
    provider="the business case: assumption, use_case, low, mode, high, source, owner",
    columns=(
        key(
            "assumption",
            "minutes_before, minutes_after, minutes_new_steps, hourly_wage, error_cost, errors_avoided_share, "
            "engineering_cost, monitoring_cost, compliance_cost, vendor_cost (costs: per day)",
        ),
        key("use_case", "the use case it is about"),
        instant("stated", "since when it is stated"),
        text("unit", "unit of the three figures"),
        number("low", "1", "lowest plausible", minimum=None),
        number("mode", "1", "most plausible", minimum=None),
        number("high", "1", "highest plausible", minimum=None),
        choice("source_kind", "how it is known", "measured", "assumed"),
        text("evidence", "where it is from"),
        text("owner", "team that answers for it"),
    ),
)

PRICES = Table(
    "prices",
    about="the price book: what a million tokens cost, by model and bucket",
    grain="one price of one model since one day",
    event_time="valid_from",
    key=("model", "bucket", "valid_from"),
    state_of=("model", "bucket"),
    provider="the vendor's price list: model, bucket, price, valid_from",
    columns=(
        key("model", "the model"),
        choice("bucket", "token bucket", "input_uncached", "cache_read", "cache_write", "output", "reasoning"),
        instant("valid_from", "first moment of this price"),
        text("provider", "who serves it"),
        number("price", "currency", "price of 1,000,000 tokens"),
        text("currency", "currency of the price"),
    ),
)
