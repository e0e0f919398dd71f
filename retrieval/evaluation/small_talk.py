"""What people write around a question, and what they ask of another subject altogether, by language (ISO 639-1).

None of it is about a site's documents, and nothing in AROUND asks.
"""

from __future__ import annotations

_AROUND = {
    "en": """
        Hello everyone, and thank you very much for keeping this service running so well.
        I hope you all had a pleasant weekend and some time to rest in the garden.
        It has been raining here since Monday, so we stayed inside and played cards.
        My sister recommended this place to me when we had lunch together last week.
        I am rather new to all this, so please forgive me if I sound a little lost.
        A colleague and I have been talking about it over coffee for quite a while now.
        We did not agree in the end, and so I promised that I would look it up.
        I already asked two friends, but neither of them was really sure.
        The children are asleep at last, which gives me a quiet hour at the desk.
        I had a cup of tea beside me and the old cat on my knees while I read.
        Yesterday I spent the whole evening searching the shelves without any luck.
        Perhaps I simply overlooked it, my eyes are not what they used to be.
        There is no hurry at all, take as much time as you need.
        A short reply would already make my day, and a longer one even more so.
        I am writing this on the train, so there may be a slip or two in my message.
        My grandmother always said that one should keep learning, and she was right.
        We are planning a small party on Friday, and everybody is looking forward to it.
        Many thanks in advance for your patience and your kind help.
        I really appreciate the effort that you all put into this.
        Warm regards from the coast, and have a lovely week.
    """,
    "de": """
        Hallo zusammen, und herzlichen Dank, dass dieser Dienst so gut läuft.
        Ich hoffe, ihr hattet alle ein schönes Wochenende und ein wenig Ruhe im Garten.
        Hier regnet es seit Montag, deshalb sind wir zu Hause geblieben und haben Karten gespielt.
        Meine Schwester hat mir diese Seite empfohlen, als wir letzte Woche zusammen gegessen haben.
        Ich bin noch recht neu hier und bitte um Nachsicht, falls ich mich umständlich ausdrücke.
        Eine Kollegin und ich haben uns beim Kaffee schon lange darüber unterhalten.
        Am Ende waren wir uns nicht einig, und so habe ich versprochen nachzusehen.
        Zwei Freunde habe ich schon angerufen, aber keiner von beiden war sich sicher.
        Die Kinder schlafen endlich, und so habe ich eine ruhige Stunde am Schreibtisch.
        Gestern habe ich den ganzen Abend in den Regalen gesucht, leider ohne Erfolg.
        Vielleicht habe ich es einfach übersehen, meine Augen sind nicht mehr die besten.
        Es eilt überhaupt nicht, lasst euch ruhig so viel Zeit, wie ihr braucht.
        Ich schreibe das im Zug, deshalb mag der eine oder andere Fehler dabei sein.
        Am Freitag planen wir ein kleines Fest, und alle freuen sich schon sehr darauf.
        Vielen Dank im Voraus für eure Geduld und die freundliche Hilfe.
        Herzliche Grüße von der Küste und eine schöne Woche.
    """,
    "fr": """
        Bonjour à tous, et merci beaucoup de faire si bien fonctionner ce service.
        J'espère que vous avez passé un bon week-end et que vous avez pu vous reposer au jardin.
        Il pleut ici depuis lundi, alors nous sommes restés à la maison et avons joué aux cartes.
        Ma sœur m'a recommandé ce site quand nous avons déjeuné ensemble la semaine dernière.
        Je suis encore débutant, je vous prie donc d'excuser ma maladresse.
        Une collègue et moi en parlons depuis longtemps autour d'un café.
        Nous n'étions pas d'accord à la fin, et j'ai donc promis de vérifier.
        J'ai déjà appelé deux amis, mais aucun des deux n'était vraiment sûr.
        Les enfants dorment enfin, ce qui me laisse une heure tranquille au bureau.
        Hier j'ai passé toute la soirée à fouiller les étagères sans succès.
        Rien ne presse, prenez tout le temps nécessaire.
        J'écris ces lignes dans le train, il y aura sans doute une petite faute.
        Nous préparons une petite fête vendredi, et tout le monde s'en réjouit.
        Merci d'avance pour votre patience et votre aide si aimable.
        Bien cordialement depuis la côte, et bonne semaine à vous.
    """,
    "es": """
        Hola a todos, y muchas gracias por mantener tan bien este servicio.
        Espero que hayan pasado un buen fin de semana y descansado un poco en el jardín.
        Aquí llueve desde el lunes, así que nos quedamos en casa y jugamos a las cartas.
        Mi hermana me recomendó esta página cuando comimos juntas la semana pasada.
        Soy bastante nuevo en esto, así que les pido disculpas si me explico mal.
        Una compañera y yo llevamos mucho tiempo hablando de ello con un café.
        Al final no estuvimos de acuerdo, y por eso prometí buscarlo.
        Ya llamé a dos amigos, pero ninguno de los dos estaba seguro.
        Los niños por fin duermen, y así tengo una hora tranquila en el escritorio.
        Ayer pasé toda la tarde buscando en los estantes sin suerte.
        No hay ninguna prisa, tómense todo el tiempo necesario.
        Escribo esto en el tren, así que habrá algún pequeño error.
        El viernes preparamos una pequeña fiesta, y todos están muy contentos.
        Muchas gracias de antemano por su paciencia y su amable ayuda.
        Saludos cordiales desde la costa, y que tengan una buena semana.
    """,
    "hi": """
        आप सभी को नमस्ते, और इस सेवा को इतनी अच्छी तरह चलाने के लिए बहुत धन्यवाद।
        आशा है कि आप सब का सप्ताहांत अच्छा बीता और बगीचे में थोड़ा आराम मिला।
        यहाँ सोमवार से बारिश हो रही है, इसलिए हम घर पर ही रहे और ताश खेलते रहे।
        मेरी बहन ने पिछले हफ़्ते साथ में खाना खाते समय मुझे यह जगह बताई थी।
        मैं यहाँ नया हूँ, इसलिए अगर मेरी बात उलझी हुई लगे तो माफ़ कर दीजिए।
        मैं और मेरी एक सहेली चाय पर बहुत देर से इसी पर बात कर रहे हैं।
        अंत में हम सहमत नहीं हुए, इसलिए मैंने वादा किया कि मैं देख लूँगा।
        बच्चे आख़िर सो गए हैं, और अब मेज़ पर एक घंटा शांति का मिला है।
        कल मैंने पूरी शाम अलमारियों में ढूँढा, पर कुछ हाथ नहीं आया।
        कोई जल्दी नहीं है, जितना समय चाहिए उतना ले लीजिए।
        यह मैं रेलगाड़ी में लिख रहा हूँ, इसलिए कोई छोटी ग़लती हो सकती है।
        आपके धैर्य और मदद के लिए पहले से ही बहुत धन्यवाद।
        समुद्र के किनारे से शुभकामनाएँ, और आपका सप्ताह अच्छा बीते।
    """,
    "th": """
        สวัสดีทุกคน และขอบคุณมากที่ดูแลบริการนี้เป็นอย่างดี
        หวังว่าทุกคนจะมีวันหยุดที่ดีและได้พักผ่อนในสวนบ้าง
        ที่นี่ฝนตกตั้งแต่วันจันทร์ เราจึงอยู่บ้านและเล่นไพ่กัน
        พี่สาวแนะนำที่นี่ให้ฉันตอนที่เราไปกินข้าวด้วยกันเมื่อสัปดาห์ก่อน
        ฉันยังใหม่กับเรื่องนี้ ถ้าพูดวกวนไปบ้างก็ต้องขออภัยด้วย
        เพื่อนร่วมงานกับฉันคุยเรื่องนี้กันมานานแล้วตอนดื่มกาแฟ
        สุดท้ายเราเห็นไม่ตรงกัน ฉันจึงสัญญาว่าจะลองค้นดู
        เด็ก ๆ หลับแล้วในที่สุด ฉันจึงมีเวลาเงียบ ๆ ที่โต๊ะหนึ่งชั่วโมง
        เมื่อวานฉันหาตามชั้นหนังสือทั้งเย็นแต่ไม่พบ
        ไม่ต้องรีบเลย ใช้เวลาได้ตามสบาย
        ฉันเขียนข้อความนี้บนรถไฟ อาจมีพิมพ์ผิดบ้าง
        ขอบคุณล่วงหน้าสำหรับความอดทนและความช่วยเหลือ
        ด้วยความปรารถนาดีจากชายทะเล ขอให้เป็นสัปดาห์ที่ดี
    """,
}
_ELSEWHERE = {
    "en": """
        How long do I have to boil an egg until the yolk is firm?
        Which knot holds a hammock best between two trees?
        How do I get red wine out of a woollen carpet?
        When should roses be cut back after the winter?
        What is the best way to descale an espresso machine?
        How do I tune a twelve-string guitar by ear?
        Why does my sourdough not rise in a cold kitchen?
        Which shoes are right for a marathon on asphalt?
        How do I teach an old dog to walk on a loose leash?
        What can I knit from two balls of mohair?
        How do I patch the inner tube of a bicycle?
        Which spices belong into a Thai green curry?
        How much water does an orchid on the window sill need?
        What is the offside rule in ice hockey?
        How do I fold a fitted sheet so that it lies flat?
        Which lens is good for photographing fireworks?
        How do I stop a wooden door from squeaking?
        When are chanterelles found in the woods?
        How do I shuffle cards like a croupier?
        What should I pack for a week in a tent with a toddler?
    """,
    "de": """
        Wie lange muss ein Ei kochen, bis das Eigelb fest ist?
        Welcher Knoten hält eine Hängematte am besten zwischen zwei Bäumen?
        Wie bekomme ich Rotwein aus einem Wollteppich heraus?
        Wann werden Rosen nach dem Winter zurückgeschnitten?
        Wie entkalke ich am besten eine Espressomaschine?
        Wie stimme ich eine zwölfsaitige Gitarre nach Gehör?
        Warum geht mein Sauerteig in der kalten Küche nicht auf?
        Welche Schuhe eignen sich für einen Marathon auf Asphalt?
        Wie bringe ich einem alten Hund bei, an der lockeren Leine zu gehen?
        Wie flicke ich den Schlauch eines Fahrrads?
        Welche Gewürze gehören in ein grünes Curry?
        Wie viel Wasser braucht eine Orchidee auf der Fensterbank?
        Wie faltet man ein Spannbettlaken, damit es glatt liegt?
        Wann findet man im Wald Pfifferlinge?
        Was hilft gegen eine quietschende Zimmertür?
    """,
    "fr": """
        Combien de temps faut-il cuire un œuf pour que le jaune soit dur ?
        Quel nœud tient le mieux un hamac entre deux arbres ?
        Comment enlever du vin rouge d'un tapis de laine ?
        Quand faut-il tailler les rosiers après l'hiver ?
        Comment détartrer une machine à expresso ?
        Comment accorder une guitare à douze cordes à l'oreille ?
        Pourquoi mon levain ne monte-t-il pas dans une cuisine froide ?
        Quelles chaussures choisir pour un marathon sur asphalte ?
        Comment réparer la chambre à air d'un vélo ?
        Quelles épices faut-il pour un curry vert ?
        De combien d'eau une orchidée a-t-elle besoin ?
        Quand trouve-t-on des girolles dans les bois ?
    """,
    "es": """
        ¿Cuánto tiempo hay que cocer un huevo para que la yema quede dura?
        ¿Qué nudo sujeta mejor una hamaca entre dos árboles?
        ¿Cómo se quita el vino tinto de una alfombra de lana?
        ¿Cuándo se podan los rosales después del invierno?
        ¿Cómo se descalcifica una cafetera exprés?
        ¿Cómo se afina de oído una guitarra de doce cuerdas?
        ¿Por qué no sube mi masa madre en una cocina fría?
        ¿Qué zapatillas convienen para un maratón sobre asfalto?
        ¿Cómo se repara la cámara de una bicicleta?
        ¿Qué especias lleva un curry verde?
        ¿Cuánta agua necesita una orquídea en la ventana?
        ¿Cuándo se encuentran setas en el bosque?
    """,
    "hi": """
        अंडे की ज़र्दी सख़्त होने तक उसे कितनी देर उबालना चाहिए?
        ऊनी क़ालीन से चाय का दाग़ कैसे निकाला जाता है?
        सर्दी के बाद गुलाब की छँटाई कब करनी चाहिए?
        कॉफ़ी मशीन को अच्छी तरह कैसे साफ़ किया जाता है?
        बारह तारों वाला गिटार सुनकर कैसे मिलाया जाता है?
        ठंडी रसोई में आटा क्यों नहीं फूलता?
        साइकिल की ट्यूब का पंचर कैसे ठीक करते हैं?
        हरी करी में कौन से मसाले डाले जाते हैं?
        खिड़की पर रखे ऑर्किड को कितना पानी चाहिए?
        बूढ़े कुत्ते को पट्टे पर चलना कैसे सिखाएँ?
        लकड़ी के दरवाज़े की चरमराहट कैसे बंद करें?
        दो पेड़ों के बीच झूला बाँधने के लिए कौन सी गाँठ अच्छी है?
    """,
    "th": """
        ต้องต้มไข่นานเท่าไรไข่แดงจึงจะสุกแข็ง
        จะเอาคราบไวน์แดงออกจากพรมขนสัตว์ได้อย่างไร
        ควรตัดแต่งกิ่งกุหลาบเมื่อใดหลังฤดูหนาว
        จะล้างตะกรันในเครื่องชงกาแฟได้อย่างไร
        จะตั้งสายกีตาร์สิบสองสายด้วยหูได้อย่างไร
        ทำไมแป้งขนมปังจึงไม่ขึ้นในครัวที่เย็น
        จะปะยางในจักรยานได้อย่างไร
        แกงเขียวหวานต้องใส่เครื่องเทศอะไรบ้าง
        กล้วยไม้ที่ริมหน้าต่างต้องการน้ำเท่าไร
        จะสอนสุนัขแก่ให้เดินกับสายจูงได้อย่างไร
        ประตูไม้ที่ดังเอี๊ยดต้องแก้อย่างไร
        เงื่อนแบบใดเหมาะสำหรับผูกเปลระหว่างต้นไม้สองต้น
    """,
}


def _listed(texts: dict[str, str]) -> dict[str, tuple[str, ...]]:
    return {language: tuple(line.strip() for line in text.strip().splitlines()) for language, text in texts.items()}


AROUND = _listed(_AROUND)
ELSEWHERE = _listed(_ELSEWHERE)
PRONOUNS = {"en": "it", "de": "es", "fr": "il", "es": "eso", "hi": "वह", "th": "มัน"}
