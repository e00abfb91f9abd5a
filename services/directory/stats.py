"""What is in the directory, as numbers: how many people of which kind, and how far a rotation is."""

from typing import Any, Final

import psycopg

_PEOPLE: Final = """SELECT brand, population, count(*), count(DISTINCT client) FROM directory.person
GROUP BY brand, population ORDER BY brand, population"""
_VERSIONS: Final = """SELECT v.key_version, v.normaliser, v.since,
(SELECT count(*) FROM directory.person p WHERE (p.key_version, p.normaliser) = (v.key_version, v.normaliser))
FROM directory.version v ORDER BY 1, 2"""
_SIZES: Final = """SELECT (SELECT count(*) FROM directory.point), (SELECT count(*) FROM directory.suppression),
pg_total_relation_size('directory.person') + pg_total_relation_size('directory.point')"""


def stats(db: psycopg.Connection[Any]) -> dict[str, Any]:
    """Count people by brand and population, by the version they are found under, digests, preferences, bytes."""
    people = [
        {"brand": brand, "population": population, "people": count, "clients": clients}
        for brand, population, count, clients in db.execute(_PEOPLE)
    ]
    versions = [
        {"key": key, "normaliser": normaliser, "since": since, "people": count}
        for key, normaliser, since, count in db.execute(_VERSIONS)
    ]
    [(digests, kept, size)] = db.execute(_SIZES).fetchall()
    return {"people": people, "versions": versions, "digests": digests, "suppressions": kept, "bytes": size}
