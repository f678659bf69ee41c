//! The fake itself: the behaviours of GitHub's that a client may get wrong, each asked for as a client would.
