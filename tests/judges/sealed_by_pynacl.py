"""PyNaCl, libsodium's own library for Python: makes a key, and opens what was sealed to it."""

from importlib.metadata import version

from calls import serve
from nacl.encoding import Base64Encoder
from nacl.public import PrivateKey, SealedBox

KEY = PrivateKey.generate()

serve({
    "version": lambda: f"PyNaCl {version('PyNaCl')}",
    "key": lambda: KEY.public_key.encode(Base64Encoder).decode(),
    "open": lambda sealed: SealedBox(KEY).decrypt(sealed, Base64Encoder).decode(),
})
