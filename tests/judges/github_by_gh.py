"""gh, GitHub's own command line, at a GitHub: URL TOKEN OWNER/NAME.

For `github.localhost` gh speaks plain HTTP; a proxy that it is told of gets all of it, whatever host it is for.
"""

import json
import os
import subprocess
import sys
import tempfile

from calls import serve

GH = os.path.join(os.path.dirname(sys.executable), "gh")
HOST = "github.localhost"
HOME = tempfile.TemporaryDirectory()
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": HOME.name,
    "GH_HOST": HOST,
    "GH_TOKEN": sys.argv[2],
    "HTTP_PROXY": sys.argv[1],
    "GH_PROMPT_DISABLED": "1",
    "GH_NO_UPDATE_NOTIFIER": "1",
}
FIELDS = "databaseId,status,conclusion,event,displayTitle"


def gh(*words, repository=True):
    words = [GH, *words, *(["-R", f"{HOST}/{sys.argv[3]}"] if repository else [])]
    ended = subprocess.run(words, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    if ended.returncode != 0:
        raise RuntimeError(ended.stderr)
    return ended.stdout


def run(it):
    conclusion = it["conclusion"] or None
    return {"id": it["databaseId"], "status": it["status"], "conclusion": conclusion, "event": it["event"], "title": it["displayTitle"]}


def jobs(id):
    found = json.loads(gh("run", "view", str(id), "--json", "jobs"))["jobs"]
    return [{"name": it["name"], "conclusion": it["conclusion"] or None, "steps": [step["name"] for step in it["steps"]]} for it in found]


def dispatch(workflow, ref, inputs):
    gh("workflow", "run", workflow, "--ref", ref, *[word for pair in inputs.items() for word in ("-f", "=".join(pair))])


def artifacts(id):
    found = json.loads(gh("api", f"repos/{sys.argv[3]}/actions/runs/{id}/artifacts", repository=False))
    return [it["name"] for it in found["artifacts"]]


serve({
    "version": lambda: gh("--version", repository=False).splitlines()[0],
    "workflows": lambda: [it["path"] for it in json.loads(gh("workflow", "list", "--all", "--json", "path"))],
    "dispatch": dispatch,
    "runs": lambda: [run(it) for it in json.loads(gh("run", "list", "--json", FIELDS))],
    "run": lambda id: run(json.loads(gh("run", "view", str(id), "--json", FIELDS))),
    "jobs": jobs,
    "cancel": lambda id: gh("run", "cancel", str(id)) and None,
    "artifacts": artifacts,
    "put_secret": lambda name, value: gh("secret", "set", name, "--body", value) and None,
    "secrets": lambda: [it["name"] for it in json.loads(gh("secret", "list", "--json", "name"))],
})
