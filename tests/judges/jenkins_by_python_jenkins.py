"""python-jenkins at a Jenkins: URL USER TOKEN."""

import sys
from importlib.metadata import version

import jenkins
from calls import serve

server = jenkins.Jenkins(sys.argv[1], sys.argv[2], sys.argv[3], timeout=30)


def told():
    server.get_whoami()  # get_version alone asks as nobody
    return f"python-jenkins {version('python-jenkins')} at Jenkins {server.get_version()}"


def job(name):
    told = server.get_job_info(name)
    declared = [it["name"] for part in told["property"] for it in part.get("parameterDefinitions", [])]
    return {"name": told["fullName"], "enabled": told["buildable"], "parameters": declared}


def queued(id):
    told = server.get_queue_item(id)
    return (told.get("executable") or {}).get("number")


def build(name, number):
    told = server.get_build_info(name, number)
    given = {it["name"]: it.get("value") for part in told["actions"] for it in part.get("parameters", [])}
    return {"building": told["building"], "result": told["result"], "parameters": given}


serve({
    "version": told,
    "jobs": lambda: [it["fullname"] for it in server.get_all_jobs() if "jobs" not in it],
    "job": job,
    "trigger": lambda name, parameters: server.build_job(name, parameters),
    "queued": queued,
    "build": build,
    "log": server.get_build_console_output,
    "stop": server.stop_build,
    "create": lambda name, xml: server.create_job(name, xml),
    "read": server.get_job_config,
    "update": lambda name, xml: server.reconfig_job(name, xml),
    "delete": server.delete_job,
    "put_credential": lambda folder, xml: server.create_credential(folder, xml),
    "credentials": lambda folder: [it["id"] for it in server.list_credentials(folder)],
    "delete_credential": lambda folder, id: server.delete_credential(id, folder),
    "nodes": lambda: [it["name"] for it in server.get_nodes()],
    "disable": lambda node: server.disable_node(node),
})
