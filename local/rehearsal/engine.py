"""Runs a deployed pipeline: stage by stage, in each the actions by their order."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.rehearsal import approval, preflight, source, stack
from local.rehearsal.artifacts import Artifacts
from local.rehearsal.build import Builds, end_leftovers
from local.rehearsal.cloud import Actor
from local.rehearsal.context import Context
from local.rehearsal.errors import ActionFailedError, ChangesForeverError
from local.rehearsal.stand_ins import StandIns
from local.rehearsal.state import FAILED, IN_PROGRESS, SUCCEEDED, SUPERSEDED, Run, Runs

CHANGES_LIMIT = 4
"""How often a pipeline may change itself on end, before that counts as never ending."""
_AT_A_TIME = 4
Approve = Callable[[str, str, str], bool | None]


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One pipeline, and the clone whose HEAD goes through it."""

    name: str
    root: Actor
    """Of the pipeline's account."""
    repository: Path
    folder: Path
    """For what is known of runs."""
    approve: Approve
    say: Callable[[str], None]
    stand_ins: StandIns = field(default_factory=StandIns)
    noted: Callable[[str], None] = lambda action: None
    """Is told of each action that is done, before that is written down."""

    def rehearse(self) -> Run:
        """Run the pipeline to its end, also when it changes itself on the way.

        Raises ActionFailedError when it fails, WaitingError at an approval that nobody gives,
        ChangesForeverError when it doesn't come to an end.
        """
        for _ in range(CHANGES_LIMIT):
            run = self._once()
            if run.status != SUPERSEDED:
                return run
        raise ChangesForeverError(
            f"{self.name} has changed itself {CHANGES_LIMIT} times on end: its synthesis depends "
            "on more than the commit (the time, a random value, what is looked up)."
        )

    def _once(self) -> Run:
        pipeline = self._pipeline()
        runs = Runs(self.folder)
        self._finish_roll_backs(pipeline, runs)
        run = self._begin(pipeline, runs)
        self._preflight(pipeline, runs, run)
        try:
            for stage in pipeline["stages"]:
                if stage["name"] in run.stages:
                    continue
                self._stage(pipeline, runs, run, stage)
                run.stages.append(stage["name"])
                runs.save(run)
                if self._superseded(run):
                    self._end(runs, run, SUPERSEDED)
                    self.say(f"{self.name} has changed itself, and begins again.")
                    return run
        except ActionFailedError as error:
            self._end(runs, run, FAILED)
            raise self._rolled_back(pipeline, runs, run, stage, error) from error
        self._end(runs, run, SUCCEEDED)
        return run

    def _preflight(self, pipeline: Mapping[str, Any], runs: Runs, run: Run) -> None:
        try:
            preflight.check(pipeline, self._service(pipeline, run))
        except ActionFailedError:
            self._end(runs, run, FAILED)
            raise
        if preflight.DEVIATION not in run.deviations:
            run.deviations.append(preflight.DEVIATION)

    def _service(self, pipeline: Mapping[str, Any], run: Run) -> Actor:
        """The pipeline's role, as CodePipeline assumes it."""
        arn = f"arn:aws:codepipeline:{self.root.region}:{self.name}"
        return self.root.serve(
            "codepipeline.amazonaws.com", pipeline["roleArn"], arn, run.identifier
        )

    def _pipeline(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.root.client("codepipeline").get_pipeline(name=self.name)
        pipeline: Mapping[str, Any] = found["pipeline"]
        return pipeline

    def _begin(self, pipeline: Mapping[str, Any], runs: Runs) -> Run:
        """Go on with the last run where it is of this commit and this pipeline, else begin one.

        One that failed is retried from the action that failed, or from its stage's start where
        that was rolled back.
        """
        commit = source.git(self.repository, "rev-parse", "HEAD")
        last = next((run for run in runs.all() if not run.rolls_back), None)
        if last and last.status in (IN_PROGRESS, FAILED):
            end_leftovers(runs.folder(last))
            if (last.commit, last.version) == (commit, pipeline["version"]):
                self.say(f"Going on with {last.identifier}: {len(last.done)} actions are done.")
                self._end(runs, last, IN_PROGRESS)
                return last
            if last.status == IN_PROGRESS:
                self._end(runs, last, SUPERSEDED)
        client = self.root.client("codepipeline")
        newest = self._newest()
        if newest is None or newest["status"] != IN_PROGRESS or runs.known(_id(newest)):
            newest = client.start_pipeline_execution(name=self.name)
        run = Run(identifier=_id(newest), version=pipeline["version"], commit=commit)
        run.variables["codepipeline"] = {"PipelineExecutionId": run.identifier}
        runs.save(run)
        self.say(f"Run {run.identifier} of {self.name}, version {run.version}: {commit[:12]}")
        return run

    def _stage(
        self, pipeline: Mapping[str, Any], runs: Runs, run: Run, stage: Mapping[str, Any]
    ) -> None:
        actions: Sequence[Mapping[str, Any]] = stage["actions"]
        for order in sorted({action["runOrder"] for action in actions}):
            due = [
                action
                for action in actions
                if action["runOrder"] == order and _key(stage, action) not in run.done
            ]
            # Those of one order run beside each other, and all of them come to their end.
            with ThreadPoolExecutor(_AT_A_TIME) as pool:
                begun = [
                    pool.submit(self._action, pipeline, runs, run, stage, action) for action in due
                ]
                try:
                    wait(begun)
                except KeyboardInterrupt:
                    # Builds don't hear it, in sessions of their own, and would be waited for.
                    pool.shutdown(wait=False, cancel_futures=True)
                    end_leftovers(runs.folder(run))
                    raise
            for one in begun:
                one.result()

    def _action(
        self,
        pipeline: Mapping[str, Any],
        runs: Runs,
        run: Run,
        stage: Mapping[str, Any],
        action: Mapping[str, Any],
    ) -> None:
        key, began = _key(stage, action), time.monotonic()
        try:
            made = self._act(self._context(pipeline, runs, run, stage, action))
        except ActionFailedError as error:
            raise ActionFailedError(f"{key}: {error}") from error
        except ClientError as error:
            raise ActionFailedError(f"{key}: {error}") from error
        if action.get("namespace"):
            run.variables[action["namespace"]] = dict(made)
        if action["actionTypeId"]["category"] == "Source":
            run.variables[source.CLONE] = dict(made)
            self._record(
                run.identifier,
                {
                    "actionName": action["name"],
                    "revisionId": made["CommitId"],
                    "revisionSummary": made["CommitMessage"],
                },
                "RecordSource",
            )
        self.noted(key)
        run.done[key] = round(time.monotonic() - began, 1)
        runs.save(run)
        self.say(f"✓ {key:<58}{run.done[key]:7.1f} s")

    def _act(self, context: Context) -> Mapping[str, str]:
        match context.action["actionTypeId"]["provider"]:
            case "CodeStarSourceConnection":
                return source.fetch(context)
            case "CodeBuild":
                return Builds(self.stand_ins).run(context)
            case "CloudFormation":
                return stack.deploy(context)
            case "Manual":
                return approval.ask(context)
            case other:
                raise ActionFailedError(f"{other} is not rehearsed.")

    def _context(
        self,
        pipeline: Mapping[str, Any],
        runs: Runs,
        run: Run,
        stage: Mapping[str, Any],
        action: Mapping[str, Any],
    ) -> Context:
        service = self._service(pipeline, run)
        role = action.get("roleArn")
        return Context(
            pipeline=pipeline,
            stage=stage["name"],
            action=action,
            run=run,
            folder=runs.folder(run).resolve(),
            artifacts=Artifacts(pipeline, run),
            root=self.root,
            service=service,
            actor=service.assume(role, run.identifier) if role else service,
            repository=self.repository,
            approve=self.approve,
            say=self.say,
        )

    def _rolled_back(
        self,
        pipeline: Mapping[str, Any],
        runs: Runs,
        failed: Run,
        stage: Mapping[str, Any],
        error: ActionFailedError,
    ) -> ActionFailedError:
        """Run a failed stage as it last succeeded, where the pipeline says so."""
        if stage.get("onFailure", {}).get("result") != "ROLLBACK":
            return error
        name = stage["name"]
        good = next(
            (run for run in runs.all() if name in run.stages and run.version == failed.version),
            None,
        )
        if good is None:
            return ActionFailedError(f"{error}\nNo run of {name} succeeded to roll back to.")
        begun = self.root.client("codepipeline").rollback_stage(
            pipelineName=self.name,
            stageName=name,
            targetPipelineExecutionId=good.identifier,
        )
        automatic = {"status": IN_PROGRESS, "triggerType": "AutomatedRollback"}
        self._record(_id(begun), automatic)
        # Whoever tries the commit again deploys it again.
        failed.done = {key: s for key, s in failed.done.items() if not key.startswith(f"{name}/")}
        runs.save(failed)
        back = Run(identifier=_id(begun), version=good.version, commit=good.commit, rolls_back=name)
        own = {"codepipeline": {"PipelineExecutionId": back.identifier}}
        back.variables, back.artifacts = {**good.variables, **own}, dict(good.artifacts)
        return ActionFailedError(f"{error}\n{self._roll_back(pipeline, runs, back)}")

    def _roll_back(self, pipeline: Mapping[str, Any], runs: Runs, back: Run) -> str:
        """Run a stage as it last succeeded; return what became of that."""
        name, commit = back.rolls_back, back.commit[:12]
        runs.save(back)
        self.say(f"Rolling {name} back to {commit}.")
        (stage,) = (one for one in pipeline["stages"] if one["name"] == name)
        try:
            self._stage(pipeline, runs, back, stage)
        except ActionFailedError as error:
            self._end(runs, back, FAILED)
            return f"The roll-back of {name} failed: {error}"
        self._end(runs, back, SUCCEEDED)
        return f"{name} was rolled back to {commit}."

    def _finish_roll_backs(self, pipeline: Mapping[str, Any], runs: Runs) -> None:
        """Go on with a roll-back that was interrupted, before anything else."""
        for back in list(runs.all()):
            if back.rolls_back and back.status == IN_PROGRESS:
                end_leftovers(runs.folder(back))
                if back.version == pipeline["version"]:
                    self.say(self._roll_back(pipeline, runs, back))
                else:
                    self._end(runs, back, SUPERSEDED)

    def _superseded(self, run: Run) -> bool:
        newest = self._newest()
        return newest is not None and _id(newest) != run.identifier

    def _newest(self) -> Mapping[str, Any] | None:
        client = self.root.client("codepipeline")
        found = client.list_pipeline_executions(pipelineName=self.name)
        runs = found["pipelineExecutionSummaries"]
        return next((run for run in runs if run["executionType"] == "STANDARD"), None)

    def _end(self, runs: Runs, run: Run, status: str) -> None:
        run.status = status
        runs.save(run)
        self._record(run.identifier, {"status": status})

    def _record(self, run: str, what: Mapping[str, str], how: str = "RecordRun") -> None:
        known = {"pipelineName": self.name, "pipelineExecutionId": run}
        self.root.ask(how, {**known, **what})


def _key(stage: Mapping[str, Any], action: Mapping[str, Any]) -> str:
    return f"{stage['name']}/{action['name']}"


def _id(execution: Mapping[str, Any]) -> str:
    return str(execution["pipelineExecutionId"])
