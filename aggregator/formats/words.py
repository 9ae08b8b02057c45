"""The few words that the HTML pages say themselves, by language; where we have none, English."""

from collections.abc import Mapping

_KEYS = (
    "skip|everything|categories|sources|feeds|here|newer|older|newest|archive"
    "|read|also|tags|comments|empty|source|feed|state|since|entries|updated"
    "|ok|new|failing|gone|page"
)
_WORDS = {
    "en": "Skip to the entries|Everything|Categories|Sources|Feeds|You are here|Newer|Older|Newest|Archive"
    "|Read here|Also in|Tags|Comments|Nothing here yet.|Source|Feed|State|since|Entries|Updated"
    "|Works|New|Failing|Gone|Pages",
    "ar": "تخطَّ إلى المواد|الكل|الأقسام|المصادر|الخلاصات|أنت هنا|الأحدث|الأقدم|الأخيرة|الأرشيف"
    "|اقرأ هنا|أيضًا في|وسوم|تعليقات|لا شيء هنا بعد.|المصدر|الخلاصة|الحالة|منذ|المواد|آخر تحديث"
    "|يعمل|جديد|متعثر|اختفى|الصفحات",
    "de": "Zu den Beiträgen springen|Alles|Kategorien|Quellen|Feeds|Sie sind hier|Neuere|Ältere|Neueste|Archiv"
    "|Hier lesen|Auch in|Schlagwörter|Kommentare|Hier ist noch nichts.|Quelle|Feed|Zustand|seit|Beiträge|Aktualisiert"
    "|In Ordnung|Neu|Gestört|Verschwunden|Seiten",
    "es": "Ir a las entradas|Todo|Categorías|Fuentes|Canales|Está aquí|Más recientes|Más antiguas|Últimas|Archivo"
    "|Leer aquí|También en|Etiquetas|Comentarios|Aún no hay nada.|Fuente|Canal|Estado|desde|Entradas|Actualizado"
    "|Funciona|Nueva|Con fallos|Desaparecida|Páginas",
    "fr": "Aller aux articles|Tout|Catégories|Sources|Flux|Vous êtes ici|Plus récents|Plus anciens|Derniers|Archives"
    "|Lire ici|Aussi dans|Étiquettes|Commentaires|Rien ici pour l’instant.|Source|Flux|État|depuis|Articles|Mis à jour"
    "|En ordre|Nouvelle|En panne|Disparue|Pages",
    "ja": "記事へ移動|すべて|カテゴリー|配信元|フィード|現在地|新しい記事|古い記事|最新|アーカイブ"
    "|ここで読む|ほかの掲載|タグ|コメント|まだ何もありません。|配信元|フィード|状態|開始日|記事数|更新"
    "|正常|新規|障害|終了|ページ",
    "zh": "跳到文章|全部|分类|来源|订阅|当前位置|更新的|更早的|最新|存档"
    "|在此阅读|另见|标签|评论|这里还没有内容。|来源|订阅|状态|自|文章|更新于"
    "|正常|新加入|故障|已消失|分页",
}


def words(language: str) -> Mapping[str, str]:
    """The words of a language (BCP 47), by their keys; English for a language that we do not speak."""
    said = _WORDS.get(language.partition("-")[0], _WORDS["en"])
    return dict(zip(_KEYS.split("|"), said.split("|"), strict=True))
