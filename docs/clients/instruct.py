"""Tell us to act on one of your customers' records, unasked; or ask for our service providers.

Needs: pip install "kafka-python[crc32c]" joserfc
Run:   BOOTSTRAP=… CLIENT=… PASSWORD=… SIGNING_KEY=private.jwk.json OUR_KEY=rightsbus.jwk.json \\
       python instruct.py erase ticket-4711 parcelwise CE-10442      # what, your own id, brand, order number
       python instruct.py providers question-1
"""

import json
import os
import sys
from datetime import UTC, datetime

from joserfc import jwe, jws
from joserfc.jwk import ECKey
from kafka import KafkaProducer

CLIENT = os.environ["CLIENT"]


def key(name):
    """A JWK from a file: our own private one to sign with, the one `rightsbus clients key` prints to seal to."""
    with open(os.environ[name], encoding="utf-8") as file:
        return ECKey.import_key(json.load(file))


def signed(said):
    """What is said, with who says it and when, signed."""
    whole = {"client": CLIENT, "issued_at": datetime.now(UTC).isoformat(), **said}
    return jws.serialize_compact({"alg": "ES256"}, json.dumps(whole), key("SIGNING_KEY"))


def sealed(token):
    """A signed instruction names a person, so nobody but the receiver may read it."""
    header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "cty": "JWT"}
    return jwe.encrypt_compact(header, token, key("OUR_KEY"))


def said(action, own_id, brand=None, order_number=None):
    """The record's value."""
    if action == "providers":
        jose = signed({"type": "service-providers", "instruction_id": own_id})
    else:
        whose = {"order_numbers": [order_number]}
        jose = sealed(
            signed({"type": "instruction", "instruction_id": own_id, "brand": brand, "action": action, "whose": whose})
        )
    return {"type": "signed", "client": CLIENT, "jose": jose}


def main():
    producer = KafkaProducer(
        bootstrap_servers=os.environ["BOOTSTRAP"],
        security_protocol="SASL_SSL" if "CA" in os.environ else "SASL_PLAINTEXT",
        ssl_cafile=os.environ.get("CA"),
        sasl_mechanism="SCRAM-SHA-256",
        sasl_plain_username=CLIENT,
        sasl_plain_password=os.environ["PASSWORD"],
    )
    producer.send("privacy.client-replies", value=json.dumps(said(*sys.argv[1:])).encode()).get(timeout=30)
    producer.close()


if __name__ == "__main__":
    main()
