# A master in the foreground that writes its log to its standard output; `buildbot create-master` has made its directory.
import os
import sys

from buildbot.master import BuildMaster
from twisted.application import service
from twisted.python.log import FileLogObserver, ILogObserver

application = service.Application("buildmaster")
application.setComponent(ILogObserver, FileLogObserver(sys.stdout).emit)
BuildMaster(os.getcwd(), "master.cfg").setServiceParent(application)
