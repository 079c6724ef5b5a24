"""Judgement: what people, judges and users' own behaviour say of the answers."""

from metricstack.telemetry.contract import Table, choice, flag, identity, instant, key, number, text

__all__ = ["ASSIGNMENTS", "EVALUATIONS", "EXPERIMENTS", "FEEDBACK"]

EVALUATIONS = Table(
    "evaluations",
    about="offline evaluation: items judged per candidate and rater",
    grain="one judged item × candidate × rater",
    event_time="judged",
    key=("dataset", "item", "candidate", "rater"),
    cluster=("item",),
    provider="an evaluation harness, or a CSV with item, candidate, rater, score",
    columns=(
        key("dataset", "the evaluation set"),
        choice("split", "what the set is for", "train", "evaluation", "production"),
        key("item", "keyed hash of the item"),
        key("candidate", "the model or prompt judged"),
        choice("rater_kind", "who judged", "human", "llm_judge", "code"),
        key("rater", "the rater, as a role or a keyed hash"),
        text("use_case", "the use case it serves"),
        text("name", "what was judged: relevance, completeness, ..."),
        instant("judged", "when"),
        number("score", "score", "the judgement, 0 to 1", maximum=1.0),
    ),
)

FEEDBACK = Table(
    "feedback",
    about="judgements of and signals about production answers",
    grain="one judgement or signal",
    event_time="given",
    key=("feedback",),
    cluster=("user", "run"),
    provider="quality labels: scores of Langfuse, a judge's output, thumbs, clicks",
    columns=(
        key("feedback", "the judgement"),
        text("run", "the run that is judged", references="requests.run"),
        identity("user", "whose run it was"),
        text("use_case", "the use case it serves"),
        text("model", "the model that answered"),
        choice("kind", "who judged", "human", "llm_judge", "code", "implicit"),
        text(
            "name",
            "relevance, completeness, consistency, trust, groundedness, click, correction, retry, confirmed, ...",
        ),
        instant("given", "when"),
        number("value", "score", "0 to 1; 1 = yes for signals", maximum=1.0),
        number(
            "selection_probability",
            "fraction",
            "chance that this run was judged; null = unknown",
            maximum=1.0,
        ),
    ),
)

EXPERIMENTS = Table(
    "experiments",
    about="experiments as declared",
    grain="one declaration of one experiment",
    event_time="registered_at",
    key=("experiment", "registered_at"),
    state_of=("experiment",),
    provider="an experimentation platform, or `experiments/*.toml` in the workspace",
    columns=(
        key("experiment", "the experiment"),
        instant("registered_at", "when this declaration was made"),
        instant("start", "when it started"),
        instant("end", "when it ended; null = running"),
        text("hypothesis", "what is expected, and why"),
        text("use_case", "the use case it changes"),
        text("unit", "unit of randomisation: user, session, run, tenant"),
        text("arms", "arms as a JSON list, control first"),
        text("allocation", "share of each arm as a JSON list"),
        text("primary_metric", "the metric that decides"),
        text("guardrails", "metric → non-inferiority margin as a JSON object"),
        number("smallest_effect", "1", "smallest relative effect of interest"),
        choice("design", "how it may be read", "fixed", "group_sequential", "always_valid"),
        number("alpha", "fraction", "two-sided error rate", maximum=1.0),
        number("planned_n", "count", "planned units over all arms"),
        text("owner", "team that owns it"),
        text("flag_version", "version of the feature flag"),
        text("model_version", "version of the model under test"),
        text("lever", "what kind of change it is: prompt, model, retrieval, latency, cost"),
    ),
)

ASSIGNMENTS = Table(
    "assignments",
    about="which unit saw which variant since when, and why",
    grain="one unit in one experiment and variant",
    event_time="first_exposure",
    key=("experiment", "unit", "variant"),
    cluster=("unit",),
    provider="the feature-flag or experimentation platform",
    columns=(
        key("experiment", "the experiment", references="experiments.experiment"),
        identity("unit", "the randomised unit").required(),
        key("variant", "the arm it saw"),
        instant("first_exposure", "when it first saw it"),
        choice(
            "reason",
            "why it got the arm; only a split is randomised",
            "split",
            "override",
            "targeting",
            "unknown",
        ),
        flag("exposed", "it reached the changed code"),
    ),
)
