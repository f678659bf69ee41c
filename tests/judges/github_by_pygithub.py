"""PyGithub at a GitHub: URL TOKEN OWNER/NAME."""

import sys
from importlib.metadata import version

from calls import serve
from github import Auth, Github

server = Github(base_url=sys.argv[1], auth=Auth.Token(sys.argv[2]), retry=None, seconds_between_requests=0)
repository = server.get_repo(sys.argv[3])


def run(it):
    return {"id": it.id, "status": it.status, "conclusion": it.conclusion, "event": it.event, "title": it.display_title}


def jobs(id):
    found = repository.get_workflow_run(id).jobs()
    return [{"name": it.name, "conclusion": it.conclusion, "steps": [step.name for step in it.steps]} for it in found]


def dispatch(workflow, ref, inputs):
    if not repository.get_workflow(workflow).create_dispatch(ref, inputs):
        raise RuntimeError("it was not taken")


def cancel(id):
    if not repository.get_workflow_run(id).cancel():
        raise RuntimeError("it was not taken")


serve({
    "version": lambda: f"PyGithub {version('PyGithub')}",
    "workflows": lambda: [it.path for it in repository.get_workflows()],
    "dispatch": dispatch,
    "runs": lambda: [run(it) for it in repository.get_workflow_runs()],
    "run": lambda id: run(repository.get_workflow_run(id)),
    "jobs": jobs,
    "cancel": cancel,
    "artifacts": lambda id: [it.name for it in repository.get_workflow_run(id).get_artifacts()],
    "put_secret": lambda name, value: repository.create_secret(name, value) and None,
    "secrets": lambda: [it.name for it in repository.get_secrets()],
})
