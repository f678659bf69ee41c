"""What the judges in Python share: a call is a line of JSON that comes in, its answer a line that goes out."""

import json
import sys


def serve(calls):
    """Answers calls by these functions, until there are no more."""
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            answer = {"value": calls[name](**arguments)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
