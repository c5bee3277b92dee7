"""Forms of secrets: what tokens of well-known services look like, as the services document them.

Each form has a literal that every secret of the kind contains or follows. One pass of a kernel finds the literals of
all forms; an expression then finds the secret around each. Group 1 is the secret where there is one, else the whole
match.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from raycontext.discover.secrets.randomness import (
    is_of_account,
    is_password,
    is_random,
    is_real_password,
    is_signed,
    is_token,
    is_user_and_password,
)
from raycontext.kernel.marks import Asks

__all__ = ["FORMS", "Form"]


class Form(NamedTuple):
    """Kind of secret."""

    literal: str
    """Text that is in every secret of this kind or before it, in lower case."""
    asks: Asks
    """What the kernel asks for around the literal."""
    expression: re.Pattern[bytes]
    """Expression that matches from `before` bytes before the literal on."""
    before: int
    """Number of bytes between the start of the match and the literal."""
    accepts: Callable[[bytes], bool]
    """Function that says whether a match is a secret and not a placeholder or a name."""


_TOKEN = Asks.START | Asks.TOKEN
_END = r"(?![A-Za-z0-9_])"
_WORD = r"[A-Za-z0-9_-]"
_SPACE = r"[ \t]{0,20}"
_ESCAPED = r"\\{0,7}"  # before a quote in a string in a string
_BASE_64 = r"[A-Za-z0-9+/]{12,2000}={0,2}"


def _tokens(body: str, *literals: str, accepts: Callable[[bytes], bool] = is_token) -> list[Form]:
    """Return forms of a token that begins with each literal. `body` is an expression for all of it."""
    return [Form(literal.lower(), _TOKEN, re.compile(body.encode()), 0, accepts) for literal in literals]


def _around(body: str, literal: str, before: int, accepts: Callable[[bytes], bool] = is_token) -> list[Form]:
    """Return the form of a secret that begins `before` bytes before a literal."""
    return [Form(literal.lower(), Asks.NOTHING, re.compile(body.encode()), before, accepts)]


def _assigned(accepts: Callable[[bytes], bool], *names: str) -> list[Form]:
    """Return forms of values that are assigned to variables and settings with one of `names` in their names."""
    return [Form(name, Asks.VALUE, _ASSIGNMENT, 0, accepts) for name in names]


_ASSIGNMENT = re.compile(
    rb"""[A-Za-z_-]{2,24}+[A-Za-z0-9_-]{0,24}+            # the rest of the name; `+` never gives anything back
    (?![A-Za-z0-9_-])(?:\\?["'`\])]){0,3}+[ \t]{0,20}+
    (?:[A-Za-z&\[\].*]{1,24}[ \t]{0,4}(?==))?             # a type, as in Go
    (?::[ \t]*[A-Za-z&'\[\]<>.|?]{1,24}[ \t]*(?==))?      # a type, as in Python, TypeScript and Rust
    (?::=|=>|==?|:|,|>|\\?["'](?=\s*:))?[ \t]{0,20}
    (?:[A-Za-z.]{0,24}\()?[ \t]{0,4}
    (?:
        \\?(?:[bfru]{0,2})(["'`])(?P<quoted>[^"'`\s]{8,400}?)\\?\1
      | (?P<plain>(?:[^\s"'`,;<>(){}\[\]\\]|\\(?!["'nrt])){8,400})(?=[\s,;<"'\\]|$)  # may stand in a string
    )""",
    re.VERBOSE,
)

_UUID = rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})"

_DISCORD = sorted(
    {f"{start}{digits}" for start in ("MT", "Mj", "Mz", "ND", "NT", "Nj", "Nz", "OD", "OT") for digits in "AEIMQUYcgk"}
)
"""Beginnings of base 64 of a number: its first two digits. A token of Discord begins with the number of an account."""

_SERVICES = (
    # Clouds
    *_tokens(rf"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{{16}}{_END}", "AKIA", "ASIA", "ABIA", "ACCA"),
    *_tokens(rf"AIza{_WORD}{{35}}(?!{_WORD})", "AIza"),
    *_tokens(rf"GOCSPX-{_WORD}{{28}}", "GOCSPX-"),
    *_tokens(rf"ya29\.{_WORD}{{30,}}", "ya29."),
    *_around(r"AccountKey=([A-Za-z0-9+/]{60,90}={0,2})", "accountkey=", 0),
    *_around(r"SharedAccessKey=([A-Za-z0-9+/]{40,90}={0,2})", "sharedaccesskey=", 0),
    *_around(r"sig=([A-Za-z0-9%+/]{40,90}(?:={0,2}|(?:%3[dD]){0,2}))", "sig=", 0),
    *_around(r"[A-Za-z0-9_.~-]{3}7Q~[A-Za-z0-9_.~-]{31,34}", "7q~", 3),
    *_around(r"[A-Za-z0-9_.~-]{3}8Q~[A-Za-z0-9_.~-]{31,34}", "8q~", 3),
    *_around(rf"[A-Za-z0-9]{{76}}AZDO[A-Za-z0-9]{{4}}{_END}", "azdo", 76),
    *_around(rf"{_WORD}{{44}}AzFu{_WORD}{{5}}[AQgw]==", "azfu", 44),
    *_around(rf"[A-Za-z0-9]{{42}}AzSe[A-Z][A-Za-z0-9]{{5}}{_END}", "azse", 42),
    *_around(r"[A-Za-z0-9]{52}JQQJ9[A-Za-z0-9]{6,40}", "jqqj9", 52),
    *_tokens(rf"do[opr]_v1_[0-9a-f]{{64}}{_END}", "dop_v1_", "doo_v1_", "dor_v1_"),
    *_tokens(rf"HRKU-{_WORD}{{36,70}}", "HRKU-"),
    *_tokens(rf"LTAI[A-Za-z0-9]{{16,26}}{_END}", "LTAI"),
    *_tokens(r"fo1_[A-Za-z0-9_-]{43}", "fo1_"),
    *_tokens(rf"nfp_[A-Za-z0-9]{{36}}{_END}", "nfp_"),
    *_tokens(rf"dapi[0-9a-f]{{32}}(?:-[0-9])?{_END}", "dapi"),
    # Code hosts and registries
    *_tokens(rf"gh[pousr]_[A-Za-z0-9]{{36,255}}{_END}", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    *_tokens(r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}", "github_pat_"),
    *_tokens(
        rf"gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|oas|agent)-{_WORD}{{20,}}(?:\.[0-9a-z]{{2}}\.[0-9a-z]+)?",
        *("glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-", "glimt-", "gloas-", "glagent-"),
    ),
    *_tokens(rf"GR1348941{_WORD}{{20}}", "GR1348941"),
    *_tokens(rf"AT(?:ATT|CTT)3[A-Za-z0-9_=-]{{60,}}|ATBB[A-Za-z0-9]{{28,}}{_END}", "ATATT3", "ATCTT3", "ATBB"),
    *_tokens(rf"npm_[A-Za-z0-9]{{36}}{_END}", "npm_"),
    *_tokens(rf"pypi-{_WORD}{{60,}}", "pypi-"),
    *_tokens(rf"rubygems_[0-9a-f]{{48}}{_END}", "rubygems_"),
    *_tokens(rf"cio[A-Za-z0-9]{{32}}{_END}", "cio", accepts=is_random),
    *_tokens(rf"oy2[a-z0-9]{{43}}{_END}", "oy2"),
    *_tokens(rf"dckr_pat_{_WORD}{{27,}}", "dckr_pat_"),
    *_tokens(r"CLOJARS_[0-9a-z]{60}", "CLOJARS_"),
    *_tokens(rf"AKCp[A-Za-z0-9]{{60,}}{_END}", "AKCp"),
    *_tokens(rf"sq[pua]_[0-9a-f]{{40}}{_END}", "sqp_", "squ_", "sqa_"),
    *_tokens(rf"CCIPAT_{_WORD}{{20,}}", "CCIPAT_"),
    *_tokens(rf"bk(?:ua|aj)_[0-9a-f]{{40}}{_END}", "bkua_", "bkaj_"),
    # Payments and shops
    *_tokens(rf"[sr]k_live_[A-Za-z0-9]{{24,}}{_END}", "sk_live_", "rk_live_"),
    *_tokens(r"whsec_[A-Za-z0-9+/]{32,}={0,2}", "whsec_"),
    *_tokens(rf"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{{32}}{_END}", "shpat_", "shpca_", "shppa_", "shpss_"),
    *_tokens(rf"sq0(?:atp|csp)-{_WORD}{{22,43}}", "sq0atp-", "sq0csp-"),
    *_tokens(rf"access_token\$production\$[0-9a-z]{{16}}\$[0-9a-f]{{32}}{_END}", "access_token$production$"),
    # Messages and mail
    *_tokens(r"(?:xoxe\.)?xox[abeoprs]-(?=[A-Za-z0-9-]*[0-9]{6})[A-Za-z0-9-]{30,}", "xox"),
    *_tokens(r"xapp-[0-9]-A[A-Z0-9]+-[0-9]+-[0-9a-f]{30,}", "xapp-"),
    *_around(r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]{30,})", "hooks.slack.com/", 0),
    *_around(rf"/api/webhooks/[0-9]{{16,20}}/({_WORD}{{60,80}})", "/api/webhooks/", 0),
    *_tokens(
        rf"[MNO][DTjz][A-Za-z0-9]{{21,26}}\.{_WORD}{{6}}\.{_WORD}{{27,38}}(?!{_WORD})", *_DISCORD, accepts=is_of_account
    ),
    *_around(r"webhook\.office\.com/webhookb2/([0-9a-f@/A-Za-z-]{60,})", "webhook.office.com/", 0),
    *_around(rf"(?<![0-9])[0-9]{{10}}:AA{_WORD}{{33}}(?!{_WORD})", ":aa", 10),
    *_around(rf"(?<![0-9])[0-9]{{9}}:AA{_WORD}{{33}}(?!{_WORD})", ":aa", 9),
    *_tokens(rf"SG\.{_WORD}{{16,32}}\.{_WORD}{{30,64}}", "SG."),
    *_tokens(rf"key-[0-9a-f]{{32}}{_END}", "key-"),
    *_around(rf"(?<![0-9a-z])[0-9a-f]{{32}}-us[0-9]{{1,2}}{_END}", "-us", 32),
    *_tokens(rf"x(?:keysib|smtpsib)-[0-9a-f]{{64}}-[A-Za-z0-9]{{16}}{_END}", "xkeysib-", "xsmtpsib-"),
    *_tokens(rf"SK[0-9a-f]{{32}}{_END}", *(f"SK{digit}" for digit in "0123456789abcdef")),
    *_tokens(rf"re_[A-Za-z0-9]{{8}}_[A-Za-z0-9]{{20,}}{_END}", "re_", accepts=is_random),
    # Models
    *_tokens(rf"sk-{_WORD}{{20,}}", "sk-", accepts=is_random),
    *_tokens(rf"sk_[0-9a-f]{{48}}{_END}", "sk_"),
    *_tokens(rf"hf_[A-Za-z0-9]{{34,40}}{_END}", "hf_"),
    *_tokens(rf"api_org_[A-Za-z0-9]{{34}}{_END}", "api_org_"),
    *_tokens(rf"r8_[A-Za-z0-9]{{37}}{_END}", "r8_"),
    *_tokens(rf"gsk_[A-Za-z0-9]{{48,60}}{_END}", "gsk_"),
    *_tokens(rf"xai-[A-Za-z0-9]{{60,}}{_END}", "xai-"),
    *_tokens(rf"pplx-[A-Za-z0-9]{{40,}}{_END}", "pplx-"),
    *_tokens(rf"nvapi-{_WORD}{{60,}}", "nvapi-"),
    *_tokens(rf"lsv2_(?:pt|sk)_[0-9a-f]{{32}}_[0-9a-f]{{10}}{_END}", "lsv2_"),
    *_tokens(rf"tvly-(?:dev-|prod-)?[A-Za-z0-9]{{32}}{_END}", "tvly-"),
    *_tokens(rf"jina_[A-Za-z0-9_]{{50,}}{_END}", "jina_"),
    # Tools of developers
    *_tokens(rf"lin_api_[A-Za-z0-9]{{40}}{_END}", "lin_api_"),
    *_tokens(rf"secret_[A-Za-z0-9]{{43}}{_END}", "secret_", accepts=is_random),
    *_tokens(rf"ntn_[A-Za-z0-9]{{40,}}{_END}", "ntn_"),
    *_tokens(rf"figd_{_WORD}{{40,}}", "figd_"),
    *_tokens(rf"pat[A-Za-z0-9]{{14}}\.[0-9a-f]{{64}}{_END}", "pat"),
    *_tokens(r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,}", "pscale_"),
    *_tokens(rf"PMAK-[0-9a-f]{{24}}-[0-9a-f]{{34}}{_END}", "PMAK-"),
    *_tokens(rf"glsa_[A-Za-z0-9]{{32}}_[0-9a-fA-F]{{8}}{_END}", "glsa_"),
    *_tokens(r"glc_eyJ[A-Za-z0-9+/]{50,}={0,2}", "glc_eyJ"),
    *_tokens(rf"NR(?:AK|II|JS|RA)-[A-Za-z0-9_-]{{19,40}}{_END}", "NRAK-", "NRII-", "NRJS-", "NRRA-"),
    *_tokens(r"sntry[su]_[A-Za-z0-9+/=_-]{40,}", "sntrys_", "sntryu_"),
    *_tokens(rf"dt0[a-z][0-9]{{2}}\.[A-Z0-9]{{24}}\.[A-Z0-9]{{64}}{_END}", "dt0"),
    *_tokens(
        rf"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]+\.)?[A-Za-z0-9]{{40,44}}{_END}",
        *("dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."),
    ),
    *_tokens(rf"hv[sbr]\.{_WORD}{{24,}}", "hvs.", "hvb.", "hvr."),
    *_around(r"(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{50,}", ".atlasv1.", 14),
    *_tokens(rf"pul-[0-9a-f]{{40}}{_END}", "pul-"),
    *_tokens(rf"tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]+-?[A-Za-z0-9]{{12,}}{_END}", "tskey-"),
    *_tokens(r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", "AGE-SECRET-KEY-1"),
    *_tokens(rf"sbp_[0-9a-f]{{40}}{_END}", "sbp_"),
    *_tokens(rf"sb_secret_{_WORD}{{20,}}", "sb_secret_"),
    *_tokens(rf"CFPAT-{_WORD}{{43}}", "CFPAT-"),
    *_tokens(rf"tfp_{_WORD}{{40,}}", "tfp_"),
    *_tokens(rf"phx_[A-Za-z0-9]{{40,}}{_END}", "phx_"),
    *_tokens(rf"sk\.eyJ{_WORD}{{20,}}\.{_WORD}{{20,}}", "sk.eyJ"),
    *_tokens(rf"EAA[A-Za-z0-9]{{90,}}{_END}", "EAA", accepts=is_random),
    *_tokens(rf"sl\.(?:u\.)?{_WORD}{{100,}}", "sl.", accepts=is_random),
    # Any service
    *_tokens(rf"eyJ{_WORD}{{8,}}\.eyJ{_WORD}{{8,}}\.{_WORD}{{20,}}", "eyJ", accepts=is_signed),
)

_NAMED = (
    Form(
        "heroku",
        Asks.VALUE,
        re.compile(rb"(?i)heroku[a-z_. -]{0,20}['\"]?\s?[=:]>?\s?['\"]?(" + _UUID),
        0,
        is_token,
    ),
    Form("bearer ", Asks.TOKEN, re.compile(rb"[Bb]earer[ ]([A-Za-z0-9._~+/-]{20,}=*)"), 0, is_random),
    # Docker's config.json, also inside of a string, and the same file in a secret of Kubernetes; npm's .npmrc
    *_around(
        rf'"auth{_ESCAPED}"{_SPACE}:{_SPACE}{_ESCAPED}"({_BASE_64})(?={_ESCAPED}")', '"auth', 0, is_user_and_password
    ),
    *_around(rf'_auth{_SPACE}={_SPACE}"?({_BASE_64})', "_auth", 0, is_user_and_password),
    *_around(r"eyJhdXRocyI6[A-Za-z0-9+/]{40,}={0,2}", "eyJhdXRocyI6", 0),
    Form("basic ", Asks.TOKEN, re.compile(rb"[Bb]asic[ ]([A-Za-z0-9+/]{16,}={0,2})"), 0, is_user_and_password),
    Form(
        "://",
        Asks.USER_INFO,
        re.compile(rb"://[^\s:@/\"'<>]{0,100}:([^\s@/\"'<>]{3,200}@[A-Za-z0-9.\[$%{(_-]{1,100})"),
        0,
        is_real_password,
    ),
    *_assigned(is_password, "passw", "passphrase", "pwd"),
    *_assigned(
        is_random,
        *("secret", "token", "apikey", "api_key", "api-key", "accesskey", "access_key", "access-key", "authkey"),
        *("auth_key", "account_key", "accountkey", "private_key", "privatekey", "signing_key", "encryption_key"),
        *("credential", "app_key", "appkey", "license_key", "master_key", "storage_key", "subscription-key"),
    ),
)

FORMS = (*_SERVICES, *_NAMED)
"""All forms. A literal may occur more than once."""
