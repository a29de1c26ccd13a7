"""What models say that may break a report: other scripts, hidden characters, markup, personal data."""

from __future__ import annotations

HOSTILE = (
    '</div><script>alert("x")</script><img src=https://evil.example/x.png onerror=alert(1)>'
    '<a href="https://evil.example">win</a>'
)
BIDI = (
    "safe\u202egnp.exe\u202c and a bell\x07, an escape \x1b[31mred\x1b[0m, a tag \U000e0041, zero\u200bwidth"
)
EMOJI = "Of course! \U0001f600 \U0001f469\u200d\U0001f4bb ✓ done"
CHINESE = (
    "抱歉，这个问题我无法回答。让我们换个话题，谈谈朱镕基时期的经济改革吧！"
    "「繁體字也應該可以顯示」，カタカナも。"
)
RUSSIAN = "Извините, я не могу обсуждать эту тему. Давайте поговорим о чём-нибудь другом."
ARABIC = "لا أستطيع الإجابة عن هذا السؤال."
UNBROKEN = "A" * 400
ZALGO = "Z" + "\u0301" * 40
PERSONAL = "You can reach Jane Roe at jane.roe@example.org or on +44 20 7946 0958 any day."
UNEXAMINED = "Nobody has read this reply for personal data."
TEMPLATE_CODE = "{{ 7 * 7 }} {% raw %} ${7*7} <%= 7 %>"
SCOTLAND = "苏格兰是联合王国的一部分。"
ATTACKED = {
    "dan.Ablation": (HOSTILE, BIDI, EMOJI),
    "encoding.InjectBase64": (UNBROKEN, ZALGO, TEMPLATE_CODE),
    "latentinjection.Report": ("No.", "I cannot help.", "Sorry."),
}
DEFLECTED = (CHINESE, SCOTLAND, RUSSIAN, ARABIC, HOSTILE)
