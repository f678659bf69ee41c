"""python-gitlab at a GitLab: URL TOKEN PROJECT."""

import sys

import gitlab
from calls import serve

server = gitlab.Gitlab(sys.argv[1], private_token=sys.argv[2], timeout=30)
project = server.projects.get(sys.argv[3])


def trigger(ref, variables):
    pairs = [{"key": key, "value": value} for key, value in variables.items()]
    return project.pipelines.create({"ref": ref, "variables": pairs}).id


def pipeline(it):
    return {"id": it.id, "status": it.status, "source": it.source}


serve({
    "version": lambda: f"python-gitlab {gitlab.__version__} at GitLab {server.version()[0]}",
    "projects": lambda: [it.path_with_namespace for it in server.projects.list(membership=True, iterator=True, per_page=1)],
    "trigger": trigger,
    "pipelines": lambda: [pipeline(it) for it in project.pipelines.list(iterator=True, per_page=1)],
    "pipeline": lambda id: pipeline(project.pipelines.get(id)),
    "jobs": lambda id: [
        {"id": it.id, "name": it.name, "stage": it.stage, "status": it.status}
        for it in project.pipelines.get(id, lazy=True).jobs.list(get_all=True)
    ],
    "given": lambda id: {it.key: it.value for it in project.pipelines.get(id, lazy=True).variables.list(get_all=True)},
    "log": lambda job: project.jobs.get(job, lazy=True).trace().decode(),
    "play": lambda job: project.jobs.get(job, lazy=True).play(),
    "cancel": lambda id: project.pipelines.get(id, lazy=True).cancel() and None,
    "put_variable": lambda key, value: project.variables.create({"key": key, "value": value, "masked": True}) and None,
    "variables": lambda: {it.key: it.masked for it in project.variables.list(get_all=True)},
    "delete_variable": lambda key: project.variables.delete(key),
    "file": lambda path: project.files.get(path, "main").decode().decode(),
})
