"""Operations: incidents, delivery, data pipelines, connectors, checks and alerts."""

from metricstack.telemetry.contract import Table, choice, count, flag, instant, key, number, text

__all__ = [
    "ALERTS",
    "CHANGES",
    "CHANGE_DEPLOYMENTS",
    "COLLECTION_HEALTH",
    "CONNECTOR_CHECKS",
    "DEPLOYMENTS",
    "INCIDENTS",
    "PIPELINE_RUNS",
    "QUALITY_CHECKS",
]

_DELIVERY = "the delivery platform: pull requests, deployments, the link between them"

INCIDENTS = Table(
    "incidents",
    about="incidents with every timestamp of their life",
    grain="one incident",
    event_time="started",
    key=("incident",),
    cluster=("incident",),
    provider="the incident tool: incident, started, detected, diagnosed, fixed, mitigated, ai_related",
    columns=(
        key("incident", "the incident"),
        text("name", "what it is called"),
        text("use_case", "the use case it hit"),
        choice("severity", "how bad", "sev1", "sev2", "sev3"),
        instant("started", "when it began"),
        instant("detected", "when it was noticed"),
        instant("acknowledged", "when somebody took it"),
        instant("diagnosed", "when the cause was known"),
        instant("mitigated", "when service was restored"),
        instant("fixed", "when the fix was live"),
        instant("closed", "when it was closed"),
        choice(
            "cause",
            "kind of cause",
            "model",
            "data_pipeline",
            "prompt",
            "workflow",
            "infrastructure",
            "vendor",
            "unknown",
        ),
        text("change", "the change that caused it", references="changes.change"),
        flag("ai_related", "its fix needs a change to model, data pipeline, prompt or workflow logic"),
    ),
)

DEPLOYMENTS = Table(
    "deployments",
    about="deployments to any environment, with what became of them",
    grain="one deployment",
    event_time="deployed",
    key=("deployment",),
    cluster=("service", "deployment"),
    provider=_DELIVERY,
    columns=(
        key("deployment", "the deployment"),
        text("team", "team that deployed"),
        instant("deployed", "when it was live, or failed"),
        choice("status", "did it get live", "success", "failure", "cancelled"),
        choice("kind", "what was deployed", "planned", "hotfix", "rollback", "model", "prompt", "policy"),
        flag("rework", "unplanned, caused by an incident"),
        flag("failed", "it caused a failure in production"),
        instant("recovered", "when the failure that it caused was over"),
    ),
)

CHANGES = Table(
    "changes",
    about="changes of code, prompts and policies on their way to production",
    grain="one change",
    event_time="opened",
    key=("change",),
    cluster=("service", "change"),
    provider=_DELIVERY,
    columns=(
        key("change", "the change"),
        text("team", "team that made it"),
        instant("first_commit", "first commit"),
        instant("opened", "when it was proposed"),
        instant("first_review", "first review"),
        instant("approved", "when it was approved"),
        instant("merged", "when it was merged; null = not"),
        instant("closed", "when it was given up without being merged; null = not"),
        count("size", "lines changed"),
        choice("code_kind", "kind of code", "greenfield", "legacy"),
        choice("work_kind", "kind of work", "feature", "bug", "debt", "operations"),
        flag("ai_assisted", "written with an AI assistant"),
        number("test_coverage", "fraction", "share of changed lines that tests run", maximum=1.0),
    ),
)

CHANGE_DEPLOYMENTS = Table(
    "change_deployments",
    about="which deployment brought which change to life",
    grain="one change in one deployment",
    event_time="deployed",
    key=("change", "deployment"),
    cluster=("change",),
    provider=_DELIVERY,
    columns=(
        key("change", "the change", references="changes.change"),
        key("deployment", "the deployment", references="deployments.deployment"),
        instant("deployed", "when the deployment was live"),
        flag("first_production", "its first time in production; null = it may have been there before"),
    ),
)

PIPELINE_RUNS = Table(
    "pipeline_runs",
    about="runs of data pipelines by stage, with how old the data was when it arrived",
    grain="one run of one feed at one stage",
    event_time="finished",
    key=("feed", "stage", "finished"),
    cluster=("feed",),
    provider="the orchestrator: feed, stage, started, finished, max_event_time, expected_by",
    columns=(
        key("feed", "the feed"),
        choice("stage", "where in the way", "source_to_pipeline", "pipeline_to_store", "store_to_dashboard").required(),
        instant("started", "when the run started"),
        instant("finished", "when its data were usable"),
        instant("max_event_time", "newest event in it; null = not checked"),
        instant("expected_by", "when it was due"),
        choice("status", "did it run", "success", "failure", "late"),
        count("rows", "rows delivered"),
        count("rejected", "rows rejected"),
    ),
)

CONNECTOR_CHECKS = Table(
    "connector_checks",
    about="daily checks of connectors between systems",
    grain="one connector on one day",
    event_time="checked",
    key=("connector", "checked"),
    cluster=("connector",),
    provider="integration monitoring: connector, checked, critical, auth_ok, schema_ok, latency_ok, errors_ok",
    columns=(
        key("connector", "the connector"),
        flag("critical", "a workflow stops without it"),
        instant("checked", "when"),
        flag("auth_ok", "authentication is valid"),
        flag("schema_ok", "the schema is unchanged"),
        flag("latency_ok", "latency is within its limit"),
        flag("errors_ok", "the error rate is within its limit"),
        flag("partial", "it delivered part of the data only"),
    ),
)

QUALITY_CHECKS = Table(
    "quality_checks",
    about="checks of data and models: drift, bias, schema, missing, range",
    grain="one check of one subject",
    event_time="checked",
    key=("check",),
    cluster=("subject",),
    provider="model monitoring: check, kind, subject, statistic, threshold, verdict",
    columns=(
        key("check", "the check"),
        choice("kind", "what was checked", "drift", "bias", "schema", "missing", "range"),
        text("subject", "model or feed that was checked"),
        text("use_case", "the use case"),
        instant("checked", "when"),
        instant("previous", "when the same was last checked; null = first time"),
        text("statistic_name", "name of the statistic: psi, ks, js, wasserstein"),
        number("statistic", "1", "its value", minimum=None),
        number("threshold", "1", "its limit", minimum=None),
        count("n", "sample size"),
        choice("verdict", "what it said", "pass", "warn", "fail", "too_little_data"),
    ),
)

ALERTS = Table(
    "alerts",
    about="alerts of monitoring, and whether somebody looked in time",
    grain="one alert",
    event_time="fired",
    key=("alert",),
    cluster=("alert",),
    provider="the alerting tool: alert, fired, acknowledged, triaged, due, verdict",
    columns=(
        key("alert", "the alert"),
        text("check", "the check that fired it", references="quality_checks.check"),
        text("use_case", "the use case"),
        instant("fired", "when it fired"),
        instant("acknowledged", "when somebody took it; null = nobody"),
        instant("triaged", "when it was reviewed and resolved; null = not"),
        instant("due", "until when it should have been"),
        choice("verdict", "what it was", "true_alarm", "false_alarm", "open"),
    ),
)

COLLECTION_HEALTH = Table(
    "collection_health",
    about="what telemetry itself lost: spans started against spans kept",
    grain="one collector in one interval",
    event_time="time",
    key=("collector", "time"),
    cluster=("collector",),
    provider="the collector's own metrics: collector, time, started, kept",
    columns=(
        key("collector", "the collector or SDK"),
        instant("time", "start of the interval"),
        count("started", "spans started"),
        count("kept", "spans that arrived"),
        number("clock_skew", "s", "median clock difference to the server", minimum=None),
    ),
)
