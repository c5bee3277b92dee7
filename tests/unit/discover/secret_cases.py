"""Cases for the recognition of secrets: lines as they stand in real files, with tokens that a seeded generator makes.

No token here was ever valid. They are put together when the tests run, so that no scanner stumbles over this file.
"""

from __future__ import annotations

import base64
import random
import string
from urllib.parse import quote

__all__ = ["HARMLESS", "SECRETS"]

_RANDOM = random.Random(20)
_LOWER, _UPPER, _DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
_ALL = _LOWER + _UPPER + _DIGITS


def _of(alphabet: str, size: int) -> str:
    """Random characters that hold a digit and, where the alphabet has them, letters of both cases."""
    while True:
        text = "".join(_RANDOM.choices(alphabet, k=size))
        kinds = [kind for kind in (_LOWER, _UPPER, _DIGITS) if set(kind) & set(alphabet)]
        if all(set(kind) & set(text) for kind in kinds) and len(set(text)) > min(8, size // 2):
            return text


def _a(size: int) -> str:
    return _of(_ALL, size)


def _h(size: int) -> str:
    return _of(_DIGITS + "abcdef", size)


def _u(size: int) -> str:
    return _of(_UPPER + _DIGITS, size)


def _l(size: int) -> str:
    return _of(_LOWER + _DIGITS, size)


def _d(size: int) -> str:
    return "".join(_RANDOM.choices("123456789", k=size))


def _b(size: int) -> str:
    return base64.b64encode(_RANDOM.randbytes(size)).decode()


def _aws(prefix: str) -> str:
    return prefix + _of(_UPPER + "234567", 16)


_UUID = f"{_h(8)}-{_h(4)}-{_h(4)}-{_h(4)}-{_h(12)}"
_JWT = ".".join(
    base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    for part in (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"9182","name":"Ada"}', _RANDOM.randbytes(32))
)
_LOGIN = base64.b64encode(f"svc:{_a(15)}".encode()).decode()
_DOCKER_CONFIG = base64.b64encode(f'{{"auths":{{"x.io":{{"auth":"{_LOGIN}"}}}}}}'.encode()).decode()
_DISCORD, _DISCORD_LONG = (
    ".".join((base64.b64encode(b"8" + _d(size).encode()).rstrip(b"=").decode(), _a(6), _a(27))) for size in (17, 18)
)

TOKENS: dict[str, str] = {
    "aws key": _aws("AK" + "IA"),
    "aws temporary key": _aws("AS" + "IA"),
    "google api key": "AI" + "za" + _a(35),
    "google client secret": "GOC" + "SPX-" + _a(28),
    "google access token": "ya" + "29." + _a(60),
    "azure ad client secret": f"{_a(3)}8" + f"Q~{_a(34)}",
    "azure devops": _a(76) + "AZ" + "DO" + _a(4),
    "azure function key": _a(44) + "Az" + "Fu" + _a(5) + "Q==",
    "digital ocean": "dop" + "_v1_" + _h(64),
    "digital ocean oauth": "doo" + "_v1_" + _h(64),
    "alibaba": "LT" + "AI" + _a(20),
    "databricks": "da" + "pi" + _h(32),
    "netlify": "nf" + "p_" + _a(36),
    "github personal": "gh" + "p_" + _a(36),
    "github oauth": "gh" + "o_" + _a(36),
    "github user": "gh" + "u_" + _a(36),
    "github server": "gh" + "s_" + _a(36),
    "github refresh": "gh" + "r_" + _a(76),
    "github fine-grained": "github" + "_pat_" + _a(22) + "_" + _a(59),
    "gitlab personal": "gl" + "pat-" + _a(20),
    "gitlab deploy": "gl" + "dt-" + _a(20),
    "gitlab runner": "gl" + "rt-" + _a(20),
    "gitlab trigger": "gl" + "ptt-" + _h(40),
    "bitbucket": "AT" + "BB" + _a(32),
    "atlassian": "AT" + "ATT3xFfGF0" + _a(120) + "=" + _u(8),
    "npm": "np" + "m_" + _a(36),
    "pypi": "py" + "pi-AgEIcHlwaS5vcmc" + _a(140),
    "rubygems": "ruby" + "gems_" + _h(48),
    "crates": "ci" + "o" + _a(32),
    "nuget": "oy" + "2" + _l(43),
    "docker": "dckr" + "_pat_" + _a(27),
    "artifactory": "AK" + "Cp" + _a(69),
    "sonarqube": "sq" + "p_" + _h(40),
    "buildkite": "bk" + "ua_" + _h(40),
    "stripe secret": "sk" + "_live_" + _a(24),
    "stripe restricted": "rk" + "_live_" + _a(24),
    "stripe webhook": "wh" + "sec_" + _a(32),
    "shopify": "shp" + "at_" + _h(32),
    "square": "sq0" + "csp-" + _a(43),
    "slack bot": "xo" + f"xb-{_d(12)}-{_d(13)}-{_a(24)}",
    "slack user": "xo" + f"xp-{_d(12)}-{_d(12)}-{_d(13)}-{_h(32)}",
    "slack app": "xa" + f"pp-1-A{_u(10)}-{_d(13)}-{_h(64)}",
    "telegram": f"{_d(10)}:A" + f"A{_a(33)}",
    "sendgrid": "S" + f"G.{_a(22)}.{_a(43)}",
    "mailgun": "ke" + "y-" + _h(32),
    "mailchimp": _h(32) + "-u" + "s14",
    "brevo": "xkey" + f"sib-{_h(64)}-{_a(16)}",
    "twilio": "S" + "K" + _h(32),
    "resend": "r" + f"e_{_a(8)}_{_a(24)}",
    "openai": "sk" + "-" + _a(48),
    "openai project": "sk" + "-proj-" + _a(64),
    "anthropic": "sk" + "-ant-api03-" + _a(93) + "AA",
    "openrouter": "sk" + "-or-v1-" + _h(64),
    "deepseek": "sk" + "-" + _h(32),
    "hugging face": "h" + "f_" + _a(34),
    "replicate": "r" + "8_" + _a(37),
    "groq": "gs" + "k_" + _a(52),
    "xai": "xa" + "i-" + _a(80),
    "perplexity": "pp" + "lx-" + _a(48),
    "nvidia": "nv" + "api-" + _a(64),
    "langsmith": "lsv2" + f"_pt_{_h(32)}_{_h(10)}",
    "tavily": "tv" + "ly-" + _a(32),
    "linear": "lin" + "_api_" + _a(40),
    "notion": "secr" + "et_" + _a(43),
    "notion new": "nt" + "n_" + _a(46),
    "figma": "fi" + "gd_" + _a(43),
    "airtable": "pa" + f"t{_a(14)}.{_h(64)}",
    "planetscale": "pscale" + "_tkn_" + _a(43),
    "postman": "PM" + f"AK-{_h(24)}-{_h(34)}",
    "grafana": "gl" + f"sa_{_a(32)}_{_h(8)}",
    "new relic": "NR" + "AK-" + _u(27),
    "sentry": "sntry" + "s_" + _a(80),
    "dynatrace": "dt0" + f"c01.{_u(24)}.{_u(64)}",
    "doppler": "dp" + ".pt." + _a(43),
    "vault": "hv" + "s." + _a(24),
    "terraform cloud": _a(14) + ".atlas" + "v1." + _a(67),
    "pulumi": "pu" + "l-" + _h(40),
    "tailscale": "ts" + f"key-auth-{_a(12)}-{_a(32)}",
    "supabase": "sb" + "p_" + _h(40),
    "contentful": "CF" + "PAT-" + _a(43),
    "json web token": _JWT,
    "discord": _DISCORD,
    "discord of a long number": _DISCORD_LONG,
}

_WRITTEN = (
    'API_TOKEN = "{}"\n',
    "export SERVICE_KEY={}\n",
    '{{"auth": {{"value": "{}"}}}}\n',
    "token: {}\n",
    "curl -H 'X-Api-Key: {}' https://api.service.test/v1\n",
    '<add key="Service" value="{}" />\n',
    "client = Client('{}', timeout=3)  # production\n",
)
"""Lines in which tokens stand."""

_PASSWORD = "vT9#" + "mQ2x!Lr"
_KEY_40 = _b(30)
_LONG = _a(40)
_AZURE = _b(64)

_NAMED: list[tuple[str, str, str]] = [
    (
        "url of postgres",
        f"DATABASE_URL=postgres://shop:{_PASSWORD.replace('#', '')}@db.shop.io:5432/shop\n",
        _PASSWORD.replace("#", ""),
    ),
    ("url of mongo", f'"mongodb+srv://admin:{_a(16)}@cluster0.ab1cd.mongodb.net/app"\n', ""),
    ("url of redis", f"redis://:{_a(24)}@cache.internal.io:6379/0\n", ""),
    ("url of amqp", f"broker = 'amqps://svc:{_a(20)}@mq.shop.io/vhost'\n", ""),
    ("url of mysql", f"mysql+pymysql://shop:{_a(14)}@10.2.3.4/shop\n", ""),
    ("url of git", f"git clone https://deploy:{_a(20)}@git.shop.io/shop.git\n", ""),
    ("url with a token", f"https://oauth2:{_a(26)}@gitlab.shop.io/x.git\n", ""),
    ("url of ftp", f"ftp://upload:{_a(12)}@files.shop.io/\n", ""),
    ("aws secret", f"aws_secret_access_key = {_KEY_40}\n", _KEY_40),
    ("aws secret in json", f'"SecretAccessKey": "{_b(30)}",\n', ""),
    ("aws secret in the shell", f"export AWS_SECRET_ACCESS_KEY={_b(30)}\n", ""),
    ("aws session token", f'aws_session_token="{_b(120)}"\n', ""),
    (
        "azure storage",
        f"DefaultEndpointsProtocol=https;AccountName=shop;AccountKey={_AZURE};EndpointSuffix=core.windows.net\n",
        _AZURE,
    ),
    (
        "azure service bus",
        f"Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={_b(32)}\n",
        "",
    ),
    (
        "azure signature",
        f"https://shop.blob.core.windows.net/a?sv=2022-11-02&sig={quote(_b(32), safe='')}&se=2030\n",
        "",
    ),
    ("slack webhook", f"https://hooks.slack.com/services/T{_u(8)}/B{_u(10)}/{_a(24)}\n", ""),
    ("discord webhook", f"https://discord.com/api/webhooks/{_d(18)}/{_a(68)}\n", ""),
    ("heroku", f"HEROKU_API_KEY={_UUID}\n", _UUID),
    (
        "basic authorization",
        f'headers = {{"Authorization": "Basic {base64.b64encode(("svc:" + _a(12)).encode()).decode()}"}}\n',
        "",
    ),
    ("docker config", f'{{"auths": {{"registry.shop.io": {{"auth": "{_LOGIN}"}}}}}}\n', _LOGIN),
    (
        "docker config in a variable",
        rf"""CONFIG="{{\"auths\":{{\"x.io\":{{\"auth\":\"{_LOGIN}\"}}}}}}" """ + "\n",
        _LOGIN,
    ),
    ("docker config in kubernetes", f"  .dockerconfigjson: {_DOCKER_CONFIG}\n", _DOCKER_CONFIG),
    ("login in npmrc", f"//registry.shop.io/:_auth={_LOGIN}\n", _LOGIN),
    ("json web token alone", f"curl -H 'X-Session: {_JWT}' https://shop.io/\n", _JWT),
    ("bearer authorization", f"Authorization: Bearer {_a(40)}\n", ""),
    ("bearer in code", f'request.Header.Set("Authorization", "Bearer {_h(64)}")\n', ""),
    ("password in python", f'PASSWORD = "{_PASSWORD}"\n', _PASSWORD),
    ("password in yaml", f'  db_password: "{_PASSWORD}"\n', _PASSWORD),
    ("password in java", f"spring.datasource.password={_PASSWORD}\n", _PASSWORD),
    ("password in typescript", f"const password: string = '{_PASSWORD}';\n", _PASSWORD),
    ("password in go", f'var dbPassword string = "{_PASSWORD}"\n', _PASSWORD),
    ("password in php", f"define('DB_PASSWORD', '{_PASSWORD}');\n", _PASSWORD),
    ("password in xml", f"<password>{_PASSWORD}</password>\n", _PASSWORD),
    ("password in a call", f'connect(user="shop", password="{_PASSWORD}")\n', _PASSWORD),
    ("api key", f'api_key = "{_LONG}"\n', _LONG),
    ("api key in json", f'"apiKey": "{_a(32)}",\n', ""),
    ("api key in a header", f"X-API-KEY: {_h(40)}\n", ""),
    ("client secret", f"client_secret: {_a(32)}\n", ""),
    ("secret of django", f"SECRET_KEY = 'django-insecure-{_a(50)}'\n", ""),
    ("secret of rails", f"  secret_key_base: {_h(128)}\n", ""),
    ("secret in terraform", f'  client_secret = "{_a(36)}"\n', ""),
    ("token in npmrc", f"//registry.shop.io/:_authToken={_a(36)}\n", ""),
    ("token in rust", f'const API_TOKEN: &str = "{_a(40)}";\n', ""),
    ("token in docker", f"ENV GITHUB_TOKEN={_h(40)}\n", ""),
    ("twilio auth token", f"TWILIO_AUTH_TOKEN={_h(32)}\n", ""),
    ("algolia admin key", f"ALGOLIA_ADMIN_API_KEY={_h(32)}\n", ""),
    ("datadog", f"DD_API_KEY={_h(32)}\n", ""),
    ("cloudflare", f'CLOUDFLARE_API_TOKEN="{_a(40)}"\n', ""),
    ("private key of a signer", f'signing_key = "{_h(64)}"\n', ""),
    ("encryption key", f"ENCRYPTION_KEY={_b(32)}\n", ""),
]


def _secret_of(line: str, given: str) -> str:
    """The secret of a line: given, or its longest run of characters that a secret may have."""
    if given:
        return given
    runs = "".join(char if char in _ALL + "+/=%-" else " " for char in line).split()
    return max((run.strip("=") for run in runs), key=lambda run: (len(set(run)), len(run))).rpartition("=")[2]


SECRETS: dict[str, tuple[str, str]] = {
    **{
        name: (_WRITTEN[number % len(_WRITTEN)].format(token), token)
        for number, (name, token) in enumerate(TOKENS.items())
    },
    **{name: (line, _secret_of(line, given)) for name, line, given in _NAMED},
}
"""Line that holds a secret, and the secret that must not remain, by what it is."""

HARMLESS: tuple[str, ...] = (
    "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\n",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
    "token: ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
    "token = 'ghp_1234567890abcdefghijklmnopqrstuvwxyz'\n",
    "password = os.environ['DB_PASSWORD']\n",
    "password = getpass.getpass('Password: ')\n",
    'password: "${DB_PASSWORD}"\n',
    'password: "{{ vault_db_password }}"\n',
    "password = '<your password>'\n",
    'PASSWORD = "changeme123"\n',
    "secret = settings.CLIENT_SECRET\n",
    "DATABASE_URL=postgres://user:password@localhost:5432/db\n",
    "postgres://postgres:postgres@db/app\n",
    "mysql://root:root@127.0.0.1/test\n",
    "postgresql://${USER}:${PASSWORD}@host/db\n",
    "https://user:pass@example.com/path\n",
    "https://example.com:8080/@scope/package\n",
    'url = f"https://{user}:{password}@{host}/"\n',
    "git@github.com:org/repository.git\n",
    "http://localhost:3000/users/@me\n",
    "const tokenType = 'Bearer';\n",
    "def get_token(self, token: str) -> Token:\n",
    "token = tokenizer.decode(output[0], skip_special_tokens=True)\n",
    "class SecretKeyFactory(KeyFactory):\n",
    "private_key = ed25519.Ed25519PrivateKey.generate()\n",
    "public_key = private_key.public_key()\n",
    "api_key = config.get('api_key')\n",
    "x-api-key: your-api-key-goes-here-1234\n",
    "API_KEY=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
    'apiKey: "test-api-key-for-unit-tests-1"\n',
    "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n",
    "commit 1d2129a13d38460a9756e5b91fddb951a8ca07e4\n",
    '"integrity": "sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg=="\n',
    "id = '550e8400-e29b-41d4-a716-446655440000'\n",
    '"ClientRequestToken": "a8ca07e4-61ec-4399-99f4-19853801bcd5"\n',
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==\n",
    ".sk-circle-fade-dot1 { animation-delay: -1.2s; }\n",
    '<div class="task-list-item-checkbox1 disk-usage-bar2">\n',
    "risk-assessment-2024-final-version-approved\n",
    "import sk_learn_compat_layer_for_old_versions2\n",
    "hf_transformers_cache_directory_for_models1\n",
    "pat = re.compile(r'[A-Za-z0-9]+\\.[0-9a-f]{64}')\n",
    "npm_config_registry=https://registry.npmjs.org\n",
    "npm_package_config_some_long_variable_name_2\n",
    "key-value-store-implementation-details-2\n",
    "secret_key_field_name_in_the_settings_table2 = 1\n",
    "SECRET_NAME = 'projects/shop/secrets/db-password/versions/3'\n",
    "secretKeyRef:\n  name: db-credentials-v2\n",
    "AccountKey=<key>;EndpointSuffix=core.windows.net\n",
    "?sv=2022-11-02&sig=<signature>\n",
    "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX\n",
    "sk_test_" + _a(24) + "\n",
    "pk_live_" + _a(24) + "\n",
    "stripe.api_key = 'sk_test_" + _a(24) + "'\n",
    "Authorization: Bearer <token>\n",
    "Authorization: Bearer ${ACCESS_TOKEN}\n",
    "Authorization: Basic dXNlcjpwYXNz...\n",
    "basic authentication/authorization\n",
    "password_reset_token_expires_at = Column(DateTime)\n",
    "input[type=password]:focus:invalid2 { color: red }\n",
    '{"PasswordLastUsed": "2016-09-08T21:47:36Z"}\n',
    "passwordHash: sha256(salt + value1)\n",
    "passwd:x:1000:1000::/home/shop:/bin/bash\n",
    "token_endpoint = 'https://login.microsoftonline.com/v2.0/token'\n",
    "credential_source = Ec2InstanceMetadata\n",
    "eyJhbGciOi are the first letters of a token\n",
    '{"auths": {"registry.shop.io": {}}, "credsStore": "desktop"}\n',
    '{"auth": "authenticationRequired1"}\n',
    '"auth": "c2hvcCBoYXMgbm8gY29sb24gaW4gaXQ=",\n',
    "//registry.shop.io/:_auth=${NPM_AUTH_LOGIN}\n",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI5MTgyIn0.your-signature-stands-here\n",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI5MTgyIn0\n",
    "client.login('" + ".".join((_DISCORD[:24], _a(6), "x" * 27)) + "')\n",
    ".".join(("MTExYmFzZUNsYXNzTmFtZXNB", _a(6), _a(27))) + "\n",
    "data:font/woff;base64," + "MTIzNDU2Nzg5MDEyMzQ1Njc4" + _a(40) + "\n",
    "-----BEGIN PUBLIC KEY-----\n",
    "// the secret is that HTTPServer2 restarts Worker3\n",
    "max_tokens=4096, min_new_tokens=16\n",
    "AsIaPacificSoutheast1Region = 'ap-southeast-1'\n",
)
"""Lines that look like secrets and hold none."""
