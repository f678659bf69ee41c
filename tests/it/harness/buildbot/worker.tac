# A worker in the foreground that writes its log to its standard output.
import os
import sys

from buildbot_worker.bot import Worker
from twisted.application import service
from twisted.python.log import FileLogObserver, ILogObserver

application = service.Application("buildbot-worker")
application.setComponent(ILogObserver, FileLogObserver(sys.stdout).emit)
worker = Worker("127.0.0.1", int(os.environ["WORKER_PORT"]), "w1", "pw", os.getcwd(), keepalive=600)
# Output goes to the master five times a second instead of every five seconds. Nothing else is changed.
worker.bot.buffer_timeout = 0.2
worker.setServiceParent(application)
