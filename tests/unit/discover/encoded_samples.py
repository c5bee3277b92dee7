"""Source files in many encodings, made of sentences that were written for this test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

__all__ = ["ENCODINGS", "Sample", "samples"]

TEXTS = {
    "ja": [
        "在庫が足りない場合は例外を投げる",
        "利用者の入力を検証して結果を返す",
        "設定ファイルを読み込み、既定値で補う",
        "接続が切れたら再試行する。最大三回まで。",
        "この関数は税込みの合計金額を計算します",
        "ログにパスワードを出力してはならない",
        "日付の書式はロケールに依存する",
        "キャッシュの有効期限を確認してから更新する",
    ],
    "zh": [
        "如果库存不足则抛出异常",
        "检查用户的输入并返回结果",
        "读取配置文件，缺少的项使用默认值",
        "连接断开后重试，最多三次",
        "此函数计算含税的总金额",
        "不要在日志中输出密码",
        "日期格式取决于语言环境",
        "更新之前先检查缓存的有效期",
    ],
    "zht": [
        "如果庫存不足則拋出例外",
        "檢查使用者的輸入並返回結果",
        "讀取設定檔，缺少的項目使用預設值",
        "連線中斷後重試，最多三次",
        "此函式計算含稅的總金額",
        "不要在日誌中輸出密碼",
        "日期格式取決於語言環境",
        "更新之前先檢查快取的有效期限",
    ],
    "ko": [
        "재고가 부족하면 예외를 던진다",
        "사용자의 입력을 검사하고 결과를 반환한다",
        "설정 파일을 읽고 빠진 항목은 기본값으로 채운다",
        "연결이 끊어지면 최대 세 번까지 다시 시도한다",
        "이 함수는 세금을 포함한 합계를 계산한다",
        "로그에 비밀번호를 출력하지 말 것",
        "날짜 형식은 로캘에 따라 다르다",
        "갱신하기 전에 캐시의 유효 기간을 확인한다",
    ],
    "ru": [
        "если товара нет на складе, выбросить исключение",
        "проверить ввод пользователя и вернуть результат",
        "читает файл настроек, недостающее берётся по умолчанию",
        "при обрыве соединения повторить не более трёх раз",
        "функция считает сумму с учётом налога",
        "не выводить пароль в журнал",
        "формат даты зависит от языка",
        "перед обновлением проверить срок хранения кэша",
    ],
    "de": [
        "wirft eine Ausnahme, wenn nicht genügend Ware übrig ist",
        "prüft die Eingabe und gibt das Ergebnis zurück",
        "liest die Einstellungen; was fehlt, wird ergänzt",
        "bei Abbruch höchstens dreimal erneut versuchen",
        "berechnet die Summe einschließlich der Steuer",
        "nie das Kennwort ins Protokoll schreiben",
        "das Format hängt von der Sprache ab",
        "vor dem Ändern das Alter des Zwischenspeichers prüfen",
    ],
    "fr": [
        "lève une exception si le stock est épuisé",
        "vérifie la saisie de l’utilisateur et renvoie le résultat",
        "lit les réglages, les valeurs absentes sont complétées",
        "réessayer au plus trois fois après une coupure",
        "calcule le total, taxe comprise",
        "ne jamais écrire le mot de passe",
        "le format dépend de la langue",
        "vérifier l’âge du cache avant de le modifier",
    ],
    "es": [
        "lanza una excepción si no queda género",
        "comprueba la entrada y devuelve el resultado",
        "lee la configuración; lo que falta toma su valor por omisión",
        "tras un corte vuelve a intentarlo tres veces como máximo",
        "calcula el total con impuestos, según el país",
        "no escribir nunca la contraseña en el registro",
        "el formato depende del idioma español",
        "antes de cambiarlo, mira la antigüedad de la caché",
    ],
    "pl": [
        "zgłasza wyjątek, gdy brakuje towaru",
        "sprawdza dane użytkownika i zwraca wynik",
        "czyta ustawienia; brakujące wartości są domyślne",
        "po zerwaniu połączenia próbuje najwyżej trzy razy",
        "oblicza sumę z podatkiem, także dla źródeł",
        "nigdy nie zapisuj hasła w dzienniku",
        "postać daty zależy od języka",
        "przed zmianą sprawdź wiek pamięci podręcznej",
    ],
}
ENCODINGS = (
    ("ja", "shift_jis"),
    ("ja", "euc_jp"),
    ("zh", "gbk"),
    ("zht", "big5"),
    ("ko", "euc_kr"),
    ("ru", "koi8_r"),
    ("ru", "cp1251"),
    ("de", "cp1252"),
    ("fr", "cp1252"),
    ("es", "cp1252"),
    ("pl", "iso8859_2"),
    ("pl", "cp1250"),
)
"""Pairs of the language of the comments and the encoding of the file."""

FORMS: tuple[Callable[[str, int], str], ...] = (
    lambda text, number: (
        f"def compute_{number}(value, limit):\n    # {text}\n    if value > limit:\n"
        f"        raise ValueError(value)\n    return value * {number}\n\n\n"
    ),
    lambda text, number: (
        f"/* {text} */\nstatic int compute_{number}(int value, int limit)\n{{\n\tif (value > limit)\n"
        f"\t\treturn -1;\n\treturn value * {number};\n}}\n\n"
    ),
    lambda text, _: f'print("{text}\\n~");\n',
)


class Sample(NamedTuple):
    """Source file with some comments in one language."""

    language: str
    encoding: str
    text: str
    raw: bytes


def samples() -> Iterator[Sample]:
    """Yield for each of `ENCODINGS` files of three programming languages with 1, 2, 4 and 8 comments."""
    for language, encoding in ENCODINGS:
        texts = TEXTS[language]
        for form in FORMS:
            for count in (1, 2, 4, 8):
                for start in range(0, len(texts), max(count, 2)):
                    text = "".join(form(texts[(start + number) % len(texts)], number) for number in range(count))
                    yield Sample(language, encoding, text, text.encode(encoding))
