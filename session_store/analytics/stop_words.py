"""Words that say nothing about the subject of a message, in the most common languages of the web."""

from __future__ import annotations

from typing import Final

_ENGLISH = """
    about above after again against all also and another any anyone anything are aren't because been before being below
    between both but can can't cannot could couldn't did didn't does doesn't doing don't down during each else even
    ever every few for from further get gets give given goes going got had hadn't has hasn't have haven't having her
    here hers him his how however i'd i'll i'm i've into isn't it's its itself just know let let's like look made make
    many may maybe might mine more most much must need new not nothing now off once one only other our ours out over
    own please put really said same say see shall she should show since some someone something still such sure take
    tell than that that's the their theirs them then there there's these they they're thing things think this those
    through thus too try two under until upon use used using very want was wasn't way well were weren't what what's
    when where whether which while who whom whose why will with within without won't work would wouldn't yes yet you
    you're your yours
"""
_GERMAN = """
    aber alle als also auch auf aus bei bin bis bitte das dass dein dem den denn der des die dies diese dieser dir doch
    dort durch ein eine einem einen einer eines etwas euch für gibt haben hat hatte hier ich ihm ihn ihr ihre immer ist
    jetzt kann kannst kein keine können mal man mehr mein meine mich mir mit muss nach nicht noch nur oder ohne sehr
    sein seine sich sie sind soll über und uns unser unter viel vom von vor war warum was weil welche wenn wer werden
    wie will wir wird wurde zum zur zwischen
"""
_FRENCH = """
    aux avec avoir bien ces cet cette chez comme comment dans des deux donc dont elle elles est était être eux faire
    fait ils les leur leurs mais merci mes moi mon même non nos notre nous ont par pas peut plus pour pouvez pouvoir
    quand que quel quelle quels qui quoi sans ses son sont sur tes ton tous tout toute très une vos votre vous
"""
_SPANISH = """
    algo como con cual cuando cómo del desde donde dos ella ellas ellos entre era esa ese eso esta está este esto estos
    favor fue hacer hasta hay las los más mis muy nos nosotros otra otro para pero por porque puede puedes qué quien
    ser sin sobre son soy sus también tener tiene todo todos tus una uno usted
"""
STOP_WORDS: Final = frozenset(f"{_ENGLISH} {_GERMAN} {_FRENCH} {_SPANISH}".split())
