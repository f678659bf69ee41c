"""api4jenkins at a Jenkins: URL USER TOKEN."""

import sys
from importlib.metadata import version

from api4jenkins import Jenkins
from calls import serve

server = Jenkins(sys.argv[1], auth=(sys.argv[2], sys.argv[3]), timeout=30)
items = {}


def job(name):
    found = server.get_job(name)
    declared = [it["name"] for it in found.get_parameters()]
    return {"name": found.full_name, "enabled": found.buildable, "parameters": declared}


def build(name, number):
    found = server.get_job(name)[number]
    given = {it.name: it.value for it in found.get_parameters()}
    return {"building": found.building, "result": found.result, "parameters": given}


def trigger(name, parameters):
    item = server.build_job(name, **parameters)
    items[item.id] = item
    return item.id


def queued(id):
    begun = items[id].get_build()
    return begun and begun.number


def domain(folder):
    return server.get_job(folder).credentials.global_domain


serve({
    "version": lambda: f"api4jenkins {version('api4jenkins')} at Jenkins {server.version}",
    "jobs": lambda: [it.full_name for it in server.iter(depth=3) if not hasattr(it, "create")],
    "job": job,
    "trigger": trigger,
    "queued": queued,
    "build": build,
    "log": lambda name, number: "\n".join(server.get_job(name)[number].progressive_output()) + "\n",
    "stop": lambda name, number: server.get_job(name)[number].stop() and None,
    "create": lambda name, xml: server.create_job(name, xml) and None,
    "read": lambda name: server.get_job(name).configure(),
    "update": lambda name, xml: server.get_job(name).configure(xml) and None,
    "delete": lambda name: server.delete_job(name),
    "put_credential": lambda folder, xml: domain(folder).create(xml),
    "credentials": lambda folder: [it.id for it in domain(folder)],
    "delete_credential": lambda folder, id: domain(folder)[id].delete(),
    "nodes": lambda: [it.display_name for it in server.nodes],
    "disable": lambda node: server.nodes[node].disable(),
})
