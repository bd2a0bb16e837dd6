"""How the words that are counted are declined, for 1, 2 and 5 of them."""

from __future__ import annotations

from collections.abc import Mapping

COUNTS = (0, 1, 2, 5, 21)

FORM_OF: Mapping[str, tuple[int, ...]] = {
    "en": (1, 0, 1, 1, 1),
    "de": (1, 0, 1, 1, 1),
    "ru": (2, 0, 1, 2, 0),
}
"""Which form goes with each of `COUNTS`, by the rules of CLDR."""

_ENGLISH = """
account accounts/API token API tokens/app apps/attempt attempts/backup backups/board boards
brand brands/certificate certificates/copy copies/destination destinations/change changes
character characters/day days/entry entries/field fields/file files/group groups/hour hours
icon icons/key keys/launch launches/link links/message messages/minute minutes
older one older ones/place places/other others/outage outages/time times/problem problems
recipient recipients/result results/run runs/second seconds/section sections/setting settings
step steps/symbol symbols/tag tags/token tokens/try tries/URL URLs/user users/is are/was were
site sites
"""

_GERMAN = """
Abschnitt Abschnitte/App Apps/Aufruf Aufrufe/Ausfall Ausfälle/Board Boards/Datei Dateien
Eintrag Einträge/Empfänger Empfängern/Fehlversuch Fehlversuchen/Ergebnis Ergebnisse/Feld Felder
Gruppe Gruppen/Icon Icons/Kopie Kopien/Ziel Ziele/Lauf Läufe/Link Links/Marke Marken
Minute Minuten/Mitglied Mitgliedern/Nachricht Nachrichten/Problem Probleme/Schritt Schritte
Sekunde Sekunden/Sicherung Sicherungen/Stunde Stunden/Symbol Symbole
Testnachricht Testnachrichten/Tag Tage/Tag Tagen/Tag Tags/URL URLs/Versuch Versuche
Zertifikat Zertifikate/Änderung Änderungen/gilt gelten/Ort Orte/Ort Orten/öffnet öffnen/ist sind
konnte konnten/war waren/wurde wurden/Website Websites
"""

_RUSSIAN = """
бренд бренда брендов/группа группы групп/день дня дней/доска доски досок/доске доскам доскам
доске досках досках/доски досок досок/запись записи записей/запуск запуска запусков
значок значка значков/изменение изменения изменений/ключ ключа ключей/копии копий копий
копию копии копий/копия копии копий/минута минуты минут/минуту минуты минут/поле поля полей
получателя получателей получателей/пользователь пользователя пользователей
попытка попытки попыток/приложение приложения приложений/приложению приложениям приложениям
раздел раздела разделов/результат результата результатов/секунду секунды секунд/сбой сбоя сбоев
сертификата сертификатов сертификатов/символ символа символов/символа символов символов
сообщение сообщения сообщений/ссылка ссылки ссылок/старая старые старых/тег тега тегов
хранилище хранилища хранилищ/участник участника участников/файл файла файлов/час часа часов
шаг шага шагов/ежедневная ежедневные ежедневных/еженедельная еженедельные еженедельных
ежемесячная ежемесячные ежемесячных/отвечает отвечают отвечает/её их их/копии копиям копиям
место места мест/месте местах местах/найдена найдены найдено/перестанет перестанут перестанет
повреждена повреждены повреждено/проверена проверены проверено/удалена удалены удалено
удалена удалены удалены/Требует Требуют Требуют/Недоступен Недоступны Недоступны
сайт сайта сайтов/экземпляр экземпляра экземпляров
"""


def _table(rows: str, forms: int) -> frozenset[tuple[str, ...]]:
    found = set()
    for row in rows.strip().replace("\n", "/").split("/"):
        words = row.split()
        size = len(words) // forms
        found.add(tuple(" ".join(words[i * size : (i + 1) * size]) for i in range(forms)))
    return frozenset(found)


DECLINED: Mapping[str, frozenset[tuple[str, ...]]] = {
    "en": _table(_ENGLISH, 2),
    "de": _table(_GERMAN, 2),
    "ru": _table(_RUSSIAN, 3),
}
"""By language: the forms of one word each. A message that counts something new needs its row."""
