"""What PostgreSQL's catalogue says of roles, owners, grants and guards. Reads, and changes nothing.

Rows are as the queries name them; whatever is of one schema is of ``public``.
"""

from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

# Of our roles: what they could do beside what is granted to them.
ROLES: Final = """
SELECT rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
FROM pg_roles WHERE rolname = ANY(%(roles)s)
"""
# A database's owner and superusers migrate it: they may be what they need to be.
MEMBERS: Final = """
SELECT of.rolname, member.rolname
FROM pg_auth_members
JOIN pg_roles of ON of.oid = roleid
JOIN pg_roles member ON member.oid = pg_auth_members.member
WHERE (member.rolname = ANY(%(roles)s) OR of.rolname = %(owner)s)
  AND NOT member.rolsuper AND member.rolname <> current_user
  AND member.oid <> (SELECT datdba FROM pg_database WHERE datname = current_database())
ORDER BY 1, 2
"""
TABLES: Final = """
SELECT quote_ident(relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1
"""
OWNERS: Final = """
SELECT 'TABLE', quote_ident(relname), pg_get_userbyid(relowner) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%(ledger)s)
UNION ALL
SELECT 'FUNCTION', oid::regprocedure::text, pg_get_userbyid(proowner) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'ledger\\_%%'
ORDER BY 1, 2
"""
# A child of a table has triggers of its own, and so can lack what its parent has.
CHILDREN: Final = """
SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits
JOIN pg_class ON pg_class.oid = inhparent WHERE relname = ANY(%(ledger)s)
"""
# What is granted to our roles and to everybody (PUBLIC), by kind of object. An object that nothing
# was ever granted on has no list of its own, but the default one of its kind.
GRANTS: Final = """
WITH granted (kind, name, col, acl) AS (
    SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, quote_ident(relname), '', relacl
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r','p','v','m','S')
    UNION ALL
    SELECT 'TABLE', quote_ident(relname), quote_ident(attname), attacl
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT 'FUNCTION', oid::regprocedure::text, '', coalesce(proacl, acldefault('f', proowner))
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'ledger\\_%%'
    UNION ALL
    SELECT 'SCHEMA', quote_ident(nspname), '', nspacl FROM pg_namespace WHERE nspname = 'public'
    UNION ALL
    SELECT 'DATABASE', quote_ident(datname), '', coalesce(datacl, acldefault('d', datdba))
    FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT 'PARAMETER', parname, '', paracl
    FROM pg_parameter_acl WHERE parname = 'session_replication_role'
)
SELECT kind, name, col, privilege_type, coalesce(rolname, 'PUBLIC')
FROM granted CROSS JOIN LATERAL aclexplode(acl) LEFT JOIN pg_roles ON pg_roles.oid = grantee
WHERE grantee = 0 OR rolname = ANY(%(roles)s)
"""
TRIGGERS: Final = """
SELECT relname, tgname, tgenabled::text, pg_get_triggerdef(pg_trigger.oid, true)
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%(ledger)s) AND NOT tgisinternal
ORDER BY relname, tgname
"""
# Its text, and what would have the same text do something else.
FUNCTIONS: Final = """
SELECT proname, encode(sha256(convert_to(
    concat_ws('|', prosrc, array_to_string(proconfig, ','), prosecdef), 'UTF8')), 'hex')
FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'ledger\\_%%'
"""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What the database has otherwise than it should: a sentence, and the SQL that mends it."""

    what: str
    mend: str | None = None


def rows(query: str, **values: Any) -> list[tuple[Any, ...]]:
    """The rows of one of this module's queries."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
