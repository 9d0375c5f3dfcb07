"""What a server is pointed at: `tests.hosts.served:app`, the object that the stack gives, with nothing around it.

HOSTS_APP names a module of `apps`, or `broken`; HOSTS_STACK says `six` or `none`.
"""

import os

from .broken import Faulty
from .stacks import load, six

name = os.environ["HOSTS_APP"]
app = Faulty() if name == "broken" else load(name)
if os.environ["HOSTS_STACK"] == "six":
    app = six()(app)
