"""Input that attackers send in form fields."""

LINE_ENDS = ("\r\n", "\n", "\r", "\0", "\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\u2028", "\u2029")
SMTP = tuple(
    f"Ada{end}{more}"
    for end in LINE_ENDS
    for more in ("Bcc: all@evil.example", f".{end}MAIL FROM:<x@evil.example>{end}DATA")
)
ENCODED = (
    "=?utf-8?b?QQ0KQmNjOiBhbGxAZXZpbC5leGFtcGxl?=",
    "=?utf-8?q?A=0D=0ABcc:=20all@evil.example?=",
    "%0d%0aBcc:%20all@evil.example",
    "Ada\\r\\nBcc: all@evil.example",
)
DOTS = (".", "..", ".\r\n.", "\r\n.\r\n", "\r\n.\r\nQUIT\r\n", "..\r\n..\r\n.", "\n.\n")
CONFUSING = (
    "\u202egpj.exe",
    "\u2066Ada\u2069",
    "Ada\u200b\u200b",
    "\ufeffAda",
    "A\u0301\u0301\u0301",
    "\U000e0041",
    "\U0010ffff",
)
MARKUP = (
    "<script>alert(1)</script>",
    "</title></style></script><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus='alert(1)",
    "<a href=javascript:alert(1)>x</a>",
    "javascript:alert(1)",
    "--></main><svg onload=alert(1)>",
    "<![CDATA[<b>]]>",
    "&lt;b&gt; &amp; &#60;",
    "</textarea><b>",
)
TEMPLATES = ("{{7*7}}", "{% for x in ().__class__.__mro__ %}{% endfor %}", "${7*7}", "#{7*7}",
             "<%= 7*7 %>", "{{config}}", "%(name)s", "{0.__class__}", "%s%n")  # fmt: skip
LONG = ("x" * 5000, "x" * 998 + "é" * 100, "word " * 900)
MULTIPART = ("--===============\r\nContent-Type: text/html\r\n\r\n<b>", "From ada\n>From ada")

ALL = SMTP + ENCODED + DOTS + CONFUSING + MARKUP + TEMPLATES + LONG + MULTIPART
