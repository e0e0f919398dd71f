"""Words that say little, like “how” in English: what a text is about does not depend on them.

For Danish, Dutch, English, Finnish, French, German, Hungarian, Italian, Nepali, Norwegian, Portuguese, Russian,
Spanish, Swedish and Turkish these are the lists of the Snowball project as PostgreSQL ships them, with the words that
German and French ask with; Arabic, Bengali, Catalan, Chinese, Czech, Greek, Hebrew, Hindi, Indonesian, Japanese,
Korean, Persian, Polish, Romanian, Slovene, Thai, Ukrainian and Vietnamese have short ones of their own.
"""

from __future__ import annotations

import re
from functools import cache

from retrieval.text.words import fold

_ALIASES = {"nb": "no", "nn": "no"}


def stop_words(language: str) -> frozenset[str]:
    """Return the folded words that say little in `language` (ISO 639-1); none where no list is known."""
    return STOP_WORDS.get(_ALIASES.get(language, language), frozenset())


def asking_words(language: str) -> frozenset[str]:
    """Return the folded words that questions of that language are put with, like “explain”; none where no list is
    known."""
    return _ASKING.get(language, frozenset())


_LISTS = {
    "en": """
        i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers
        herself it its itself they them their theirs themselves what which who whom this that these those am is are
        was were be been being have has had having do does did doing a an the and but if or because as until while
        of at by for with about against between into through during before after above below to from up down in out
        on off over under again further then once here there when where why how all any both each few more most
        other some such no nor not only own same so than too very s t can will just don should now isn aren wasn
        weren doesn didn hasn haven hadn won wouldn couldn shouldn mustn ll re ve d m
    """,
    "de": """
        aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes anderm andern
        anderr anders auch auf aus bei bin bis bist da damit dann der den des dem die das dass derselbe derselben
        denselben desselben demselben dieselbe dieselben dasselbe dazu dein deine deinem deinen deiner deines denn
        derer dessen dich dir du dies diese diesem diesen dieser dieses doch dort durch ein eine einem einen einer
        eines einig einige einigem einigen einiger einiges einmal er ihn ihm es etwas euer eure eurem euren eurer
        eures für gegen gewesen hab habe haben hat hatte hatten hier hin hinter ich mich mir ihr ihre ihrem ihren
        ihrer ihres euch im in indem ins ist jede jedem jeden jeder jedes jene jenem jenen jener jenes jetzt kann
        kein keine keinem keinen keiner keines können könnte machen man manche manchem manchen mancher manches mein
        meine meinem meinen meiner meines mit muss musste nach nicht nichts noch nun nur ob oder ohne sehr sein
        seine seinem seinen seiner seines selbst sich sie ihnen sind so solche solchem solchen solcher solches soll
        sollte sondern sonst über um und uns unse unsem unsen unser unses unter viel vom von vor während war waren
        warst was weg weil weiter welche welchem welchen welcher welches wenn werde werden wie wieder will wir wird
        wirst wo wollen wollte würde würden zu zum zur zwar zwischen
        wann warum wem wen wer weshalb wessen wieso wieviel wobei wodurch wofür wogegen woher wohin womit wonach woran
        worauf woraus worin worum wovon wozu worden wurde wurden
    """,
    "fr": """
        au aux avec ce ces dans de des du elle en et eux il je la le leur lui ma mais me même mes moi mon ne nos
        notre nous on ou par pas pour qu que qui sa se ses son sur ta te tes toi ton tu un une vos votre vous c d j
        l à m n s t y été étée étées étés étant étante étants étantes suis es est sommes êtes sont serai seras sera
        serons serez seront serais serait serions seriez seraient étais était étions étiez étaient fus fut fûmes
        fûtes furent sois soit soyons soyez soient fusse fusses fût fussions fussiez fussent ayant ayante ayantes
        ayants eu eue eues eus ai as avons avez ont aurai auras aura aurons aurez auront aurais aurait aurions
        auriez auraient avais avait avions aviez avaient eut eûmes eûtes eurent aie aies ait ayons ayez aient eusse
        eusses eût eussions eussiez eussent combien laquelle lequel où pourquoi quand quel quelle quelles quels
        quoi
    """,
    "es": """
        de la que el en y a los del se las por un para con no una su al lo como más pero sus le ya o este sí porque
        esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos durante todos uno les ni
        contra otros ese eso ante ellos e esto mí antes algunos qué unos yo otro otras otra él tanto esa estos mucho
        quienes nada muchos cual poco ella estar estas algunas algo nosotros mi mis tú te ti tu tus ellas nosotras
        vosostros vosostras os mío mía míos mías tuyo tuya tuyos tuyas suyo suya suyos suyas nuestro nuestra
        nuestros nuestras vuestro vuestra vuestros vuestras esos esas estoy estás está estamos estáis están esté
        estés estemos estéis estén estaré estarás estará estaremos estaréis estarán estaría estarías estaríamos
        estaríais estarían estaba estabas estábamos estabais estaban estuve estuviste estuvo estuvimos estuvisteis
        estuvieron estuviera estuvieras estuviéramos estuvierais estuvieran estuviese estuvieses estuviésemos
        estuvieseis estuviesen estando estado estada estados estadas estad he has ha hemos habéis han haya hayas
        hayamos hayáis hayan habré habrás habrá habremos habréis habrán habría habrías habríamos habríais habrían
        había habías habíamos habíais habían hube hubiste hubo hubimos hubisteis hubieron hubiera hubieras
        hubiéramos hubierais hubieran hubiese hubieses hubiésemos hubieseis hubiesen habiendo habido habida habidos
        habidas soy eres es somos sois son sea seas seamos seáis sean seré serás será seremos seréis serán sería
        serías seríamos seríais serían era eras éramos erais eran fui fuiste fue fuimos fuisteis fueron fuera fueras
        fuéramos fuerais fueran fuese fueses fuésemos fueseis fuesen sintiendo sentido sentida sentidos sentidas
        siente sentid tengo tienes tiene tenemos tenéis tienen tenga tengas tengamos tengáis tengan tendré tendrás
        tendrá tendremos tendréis tendrán tendría tendrías tendríamos tendríais tendrían tenía tenías teníamos
        teníais tenían tuve tuviste tuvo tuvimos tuvisteis tuvieron tuviera tuvieras tuviéramos tuvierais tuvieran
        tuviese tuvieses tuviésemos tuvieseis tuviesen teniendo tenido tenida tenidos tenidas tened
    """,
    "it": """
        ad al allo ai agli all agl alla alle con col coi da dal dallo dai dagli dall dagl dalla dalle di del dello
        dei degli dell degl della delle in nel nello nei negli nell negl nella nelle su sul sullo sui sugli sull
        sugl sulla sulle per tra contro io tu lui lei noi voi loro mio mia miei mie tuo tua tuoi tue suo sua suoi
        sue nostro nostra nostri nostre vostro vostra vostri vostre mi ti ci vi lo la li le gli ne il un uno una ma
        ed se perché anche come dov dove che chi cui non più quale quanto quanti quanta quante quello quelli quella
        quelle questo questi questa queste si tutto tutti a c e i l o ho hai ha abbiamo avete hanno abbia abbiate
        abbiano avrò avrai avrà avremo avrete avranno avrei avresti avrebbe avremmo avreste avrebbero avevo avevi
        aveva avevamo avevate avevano ebbi avesti ebbe avemmo aveste ebbero avessi avesse avessimo avessero avendo
        avuto avuta avuti avute sono sei è siamo siete sia siate siano sarò sarai sarà saremo sarete saranno sarei
        saresti sarebbe saremmo sareste sarebbero ero eri era eravamo eravate erano fui fosti fu fummo foste furono
        fossi fosse fossimo fossero essendo faccio fai facciamo fanno faccia facciate facciano farò farai farà
        faremo farete faranno farei faresti farebbe faremmo fareste farebbero facevo facevi faceva facevamo facevate
        facevano feci facesti fece facemmo faceste fecero facessi facesse facessimo facessero facendo sto stai sta
        stiamo stanno stia stiate stiano starò starai starà staremo starete staranno starei staresti starebbe
        staremmo stareste starebbero stavo stavi stava stavamo stavate stavano stetti stesti stette stemmo steste
        stettero stessi stesse stessimo stessero stando
    """,
    "pt": """
        de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu sua ou
        quando muito nos já eu também só pelo pela até isso ela entre depois sem mesmo aos seus quem nas me esse
        eles você essa num nem suas meu às minha numa pelos elas qual nós lhe deles essas esses pelas este dele tu
        te vocês vos lhes meus minhas teu tua teus tuas nosso nossa nossos nossas dela delas esta estes estas aquele
        aquela aqueles aquelas isto aquilo estou está estamos estão estive esteve estivemos estiveram estava
        estávamos estavam estivera estivéramos esteja estejamos estejam estivesse estivéssemos estivessem estiver
        estivermos estiverem hei há havemos hão houve houvemos houveram houvera houvéramos haja hajamos hajam
        houvesse houvéssemos houvessem houver houvermos houverem houverei houverá houveremos houverão houveria
        houveríamos houveriam sou somos são era éramos eram fui foi fomos foram fora fôramos seja sejamos sejam
        fosse fôssemos fossem for formos forem serei será seremos serão seria seríamos seriam tenho tem temos tém
        tinha tínhamos tinham tive teve tivemos tiveram tivera tivéramos tenha tenhamos tenham tivesse tivéssemos
        tivessem tiver tivermos tiverem terei terá teremos terão teria teríamos teriam
    """,
    "nl": """
        de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er maar om hem dan zou of
        wat mijn men dit zo door over ze zich bij ook tot je mij uit der daar haar naar heb hoe heeft hebben deze u
        want nog zal me zij nu ge geen omdat iets worden toch al waren veel meer doen toen moet ben zonder kan hun
        dus alles onder ja eens hier wie werd altijd doch wordt wezen kunnen ons zelf tegen na reeds wil kon niets
        uw iemand geweest andere
    """,
    "da": """
        og i jeg det at en den til er som på de med han af for ikke der var mig sig men et har om vi min havde ham
        hun nu over da fra du ud sin dem os op man hans hvor eller hvad skal selv her alle vil blev kunne ind når
        være dog noget ville jo deres efter ned skulle denne end dette mit også under have dig anden hende mine alt
        meget sit sine vor mod disse hvis din nogle hos blive mange ad bliver hendes været thi jer sådan
    """,
    "sv": """
        och det att i en jag hon som han på den med var sig för så till är men ett om hade de av icke mig du henne
        då sin nu har inte hans honom skulle hennes där min man ej vid kunde något från ut när efter upp vi dem vara
        vad över än dig kan sina här ha mot alla under någon eller allt mycket sedan ju denna själv detta åt utan
        varit hur ingen mitt ni bli blev oss din dessa några deras blir mina samma vilken er sådan vår blivit dess
        inom mellan sådant varför varje vilka ditt vem vilket sitta sådana vart dina vars vårt våra ert era vilkas
    """,
    "no": """
        og i jeg det at en et den til er som på de med han av ikke ikkje der så var meg seg men ett har om vi min
        mitt ha hadde hun nå over da ved fra du ut sin dem oss opp man kan hans hvor eller hva skal selv sjøl her
        alle vil bli ble blei blitt kunne inn når være kom noen noe ville dere deres kun ja etter ned skulle denne
        for deg si sine sitt mot å meget hvorfor dette disse uten hvordan ingen din ditt blir samme hvilken hvilke
        sånn inni mellom vår hver hvem vors hvis både bare enn fordi før mange også slik vært båe begge siden dykk
        dykkar dei deira deires deim di då eg ein eit eitt elles honom hjå ho hoe henne hennar hennes hoss hossen
        ingi inkje korleis korso kva kvar kvarhelst kven kvi kvifor me medan mi mine mykje no nokon noka nokor noko
        nokre sia sidan so somt somme um upp vere vore verte vort varte vart
    """,
    "fi": """
        olla olen olet on olemme olette ovat ole oli olisi olisit olisin olisimme olisitte olisivat olit olin olimme
        olitte olivat ollut olleet en et ei emme ette eivät minä minun minut minua minussa minusta minuun minulla
        minulta minulle sinä sinun sinut sinua sinussa sinusta sinuun sinulla sinulta sinulle hän hänen hänet häntä
        hänessä hänestä häneen hänellä häneltä hänelle me meidän meidät meitä meissä meistä meihin meillä meiltä
        meille te teidän teidät teitä teissä teistä teihin teillä teiltä teille he heidän heidät heitä heissä heistä
        heihin heillä heiltä heille tämä tämän tätä tässä tästä tähän tallä tältä tälle tänä täksi tuo tuon tuotä
        tuossa tuosta tuohon tuolla tuolta tuolle tuona tuoksi se sen sitä siinä siitä siihen sillä siltä sille
        siksi nämä näiden näitä näissä näistä näihin näillä näiltä näille näinä näiksi nuo noiden noita noissa
        noista noihin noilla noilta noille noina noiksi ne niiden niitä niissä niistä niihin niillä niiltä niille
        niinä niiksi kuka kenen kenet ketä kenessä kenestä keneen kenellä keneltä kenelle kenenä keneksi ketkä
        keiden keitä keissä keistä keihin keillä keiltä keille keinä keiksi mikä minkä mitä missä mistä mihin millä
        miltä mille miksi mitkä joka jonka jota jossa josta johon jolla jolta jolle jona joksi jotka joiden joita
        joissa joista joihin joilla joilta joille joina joiksi että ja jos koska kuin mutta niin sekä tai vaan vai
        vaikka kanssa mukaan noin poikki yli kun nyt itse
    """,
    "hu": """
        a ahogy ahol aki akik akkor alatt által általában amely amelyek amelyekben amelyeket amelyet amelynek ami
        amit amolyan amíg amikor át abban ahhoz annak arra arról az azok azon azt azzal azért aztán azután azonban
        bár be belül benne cikk cikkek cikkeket csak de e eddig egész egy egyes egyetlen egyéb egyik egyre ekkor el
        elég ellen elő először előtt első én éppen ebben ehhez emilyen ennek erre ez ezt ezek ezen ezzel ezért és
        fel felé hanem hiszen hogy hogyan igen így illetve ill ilyen ilyenkor ison ismét itt jó jól jobban kell
        kellett keresztül keressünk ki kívül között közül legalább lehet lehetett legyen lenne lenni lesz lett maga
        magát majd már más másik meg még mellett mert mely melyek mi mit míg miért milyen mikor minden mindent
        mindenki mindig mint mintha mivel most nagy nagyobb nagyon ne néha nekem neki nem néhány nélkül nincs olyan
        ott össze ő ők őket pedig persze rá s saját sem semmi sok sokat sokkal számára szemben szerint szinte talán
        tehát teljes tovább továbbá több úgy ugyanis új újabb újra után utána utolsó vagy vagyis valaki valami
        valamint való vagyok van vannak volt voltam voltak voltunk vissza vele viszont volna
    """,
    "ru": """
        и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее мне было вот от
        меня еще нет о из ему теперь когда даже ну вдруг ли если уже или ни быть был него до вас нибудь опять уж вам
        ведь там потом себя ничего ей может они тут где есть надо ней для мы тебя их чем была сам чтоб без будто
        чего раз тоже себе под будет ж тогда кто этот того потому этого какой совсем ним здесь этом один почти мой
        тем чтобы нее сейчас были куда зачем всех никогда можно при наконец два об другой хоть после над больше тот
        через эти нас про всего них какая много разве три эту моя впрочем хорошо свою этой перед иногда лучше чуть
        том нельзя такой им более всегда конечно всю между
    """,
    "tr": """
        acaba ama aslında az bazı belki biri birkaç birşey biz bu çok çünkü da daha de defa diye eğer en gibi hem
        hep hepsi her hiç için ile ise kez ki kim mı mu mü nasıl ne neden nerde nerede nereye niçin niye o sanki şey
        siz şu tüm ve veya ya yani
    """,
    "ne": """
        अक्सर अगाडि अगाडी अझै अनुसार अन्तर्गत अन्य अन्यथा अब अरु अरू अर्का अर्की अर्को अर्थात अर्थात् अर्ब अलग
        अलिकति असार आइतवार आए आज आठ आत्म आदि आफू आफ्नै आफ्नो आयो आश्विन उदाहरण उन उप उही एउटै एक एकदम एकै ओठ औं कति
        कतै कत्रा कत्री कत्रो करोड कस कसरी कसै कस्ता कस्ती कस्तो कहिल्यै कहीं का कार्तिक कि किन किनभने कुन कुनै कुरा
        कृपया के केहि केही को कोही क्रमशः खर्ब गयौ चाँडै चार चाले चाहनुहुन्छ चाहन्छु चाहिए चैत चौथो छ छन् छु छू छैन
        छौँ छौं जताततै जति जत्रा जत्री जत्रो जब जबकि जस जस्ता जस्ती जस्तो जस्तोसुकै जहाँ जान जाहिर जुन जे जेठ जो
        जोसुकै ठीक त तत्काल तथा तदनुसार तपाई तपाईं तर तल तापनि तापनी तिन तिनी तिमी तिर ती तीन तुरुन्तै तेस्कारण
        तेस्रो त्यसकारण त्यसपछि त्यसमा त्यसैले त्यहाँ त्यो त्सपछि त्सैले थिए थिएन थिएनन् थियो थोरै दस दिए दिनुभएको
        दिनुहुन्छ दुई देख देखि देखिन्छ देखियो देखे देखेको देखेर देख्न दोश्रो दोस्रो धेरै न नजिकै नत्र नयाँ नि निम्ति
        निम्न निम्नानुसार निर्दिष्ट नै नौ पक्का पक्कै पछि पछिल्लो पटक पनि पर्छ पर्थ्यो पर्याप्त पर्सी पहिले पहिलो
        पहिल्यै पाँच पाँचौं पूर्व पौष प्रति प्रतेक प्रत्येक प्रथम प्लस फागुन फेरि फेरी बने बन्द बन्न बरु बाटो बारे
        बाहिर बाहेक बिरुद्ध बिशेष बिहिवार बीच बुधवार भए भदौ भन् भर भित्र भित्री भोलि भोली म मंसिर मङ्गलवार महिना मा
        माघ मात्र माथि मुख्य मेरो यति यत्ति यत्रा यत्री यत्रो यथोचित यदि यद्यपि यस यसरी यसो यस्ता यस्ती यस्तो यहाँ
        या यिन यिनी यी यो र रही रहेका रहेको राखे राख्छ राम्रो रूप लगभग लाई लाख लागि ले वरिपरि वरीपरी वर्ष वास्तवमा
        वाहेक विरुद्ध विशेष वैशाख शनिवार शायद शुक्रवार सँग सँगै संग संगै सक्छ सट्टा सधै सधैं सबै समय सम्भव सम्म सय
        सही साँच्चै साउन सात साथ साथै सायद सारा सुन्ना सो सोध्न सोमवार सोही स्पष्ट हजार हप्ता हरे हरेक हामी हाम्रो
        हिजो हुन्छ होला होस्
    """,
    "ar": """
        في من على إلى عن مع أن إن لا ما هو هي هم هذا هذه ذلك تلك التي الذي الذين كان كانت يكون قد لم لن ثم أو و بل
        كل بعض غير بين عند حتى إذا لكن كما بعد قبل منذ هل كيف أين متى لماذا كم أي أنا نحن أنت فيه فيها عليه عليها به
        بها له لها لهم ليس هناك هنا حيث أيضا خلال حول ضد دون فوق تحت لدى سوف يتم تم
    """,
    "hi": """
        और का की के को में है हैं था थी थे से पर यह वह ये वे इस उस इन उन एक नहीं ने हो होता होती होते कर करना करने
        करते करता करती किया किए गई गया गए जो तो भी ही कि या तक साथ लिए द्वारा अपने अपना अपनी क्या कौन कब कहाँ कहां
        क्यों कैसे कितना कितने कितनी किस किसने जब तब जैसे बाद पहले कुछ सब सभी बहुत अब यहाँ वहाँ मैं हम तुम आप मेरा
        हमारा आपका उसका उनका इसका जिस जिसने रहा रही रहे हुआ हुई हुए सकता सकते सकती लेकिन अगर यदि फिर
    """,
    "el": """
        ο η το οι τα του τησ των τον την τουσ τισ και να σε με για από στο στη στην στον στισ στουσ στα που δεν
        είναι ήταν έχει έχουν θα αν ωσ κατά μετά προσ αλλά όμωσ ή ούτε πωσ πώσ πότε πού ποιοσ ποια ποιο τι πόσο πόσα
        γιατί όταν όπωσ αυτό αυτή αυτόσ αυτά αυτέσ αυτοί ένα ένασ μία μια μου σου μασ σασ εγώ εσύ εμείσ εκεί εδώ
        πολύ πριν μέχρι ανά χωρίσ επίσησ
    """,
    "ro": """
        și şi sau dar nu în la cu de pe pentru din prin că să a al ai ale o un una unei unui este sunt era erau fi
        fost are au am va vor ce care cine când cum unde cât câte câți cel cea cei cele acest această aceste acești
        acel acea lui ei lor îi îl le se mai foarte după până fără între despre dacă iar nici ca
    """,
    "pl": """
        i w na z do że się nie to jest są był była było były o od po za przez dla jak co kto kiedy gdzie ile
        dlaczego czy ten ta te tego tej tych tym który która które których a ale lub oraz też już tylko przy pod nad
        bez ich jego jej go mu mnie my wy on ona ono oni może można być ma mają więc bo u we ze
    """,
    "id": """
        dan di ke dari yang untuk pada dengan adalah ini itu atau tidak akan dalam oleh juga sudah telah ada bisa
        dapat kami kita mereka saya anda dia apa siapa kapan mana bagaimana mengapa berapa karena jika bila agar
        sebagai lebih sangat para saat setelah sebelum antara
    """,
    "ca": """
        el la els les un una uns unes i o però de del dels a al als en amb per que què qui com quan on quin quina
        quins quines és són era ser està estan ha han hi ho no si més molt també ja seu seva seus seves aquest
        aquesta aquests aquestes això jo tu ell ella nosaltres vosaltres ells es se li em et ens us perquè entre
        sobre sense fins
    """,
    "cs": """
        a i o u v ve k s z ze na do od po za pro při pod nad přes bez je jsou byl byla bylo byli být není jsem jsi
        jsme jste má mají to ten ta ty tento tato toto který která které kteří co kdo kdy kde jak jaký jaká jaké
        proč kolik že aby když nebo ale jen také už si se mu ho jej jeho její jejich my vy on ona oni ani až
    """,
    "uk": """
        і й та а але або в у на до від з із за по про для при під над без що як коли де хто чому скільки який яка
        яке які це цей ця ці той тих є був була було були бути не ні так же ж би його її їх він вона воно вони ми ви
        я ти ще вже тільки також якщо після перед між
    """,
    "sl": """
        in ali a pa je so bil bila bilo bili biti ni sem si smo ste ima imajo v na do od po za pri pod nad čez brez
        iz s z ki kdo kaj kdaj kje kako kakšen kakšna zakaj koliko da če ko kot to ta ti te tega tem teh se mu ga
        njegov njen njihov mi vi on ona oni tudi že samo med pred o
    """,
    "he": """
        של את על עם אל מן לא כן גם או אבל כי אם אשר הוא היא הם הן אני אתה אנחנו אתם זה זאת זו אלה אלו יש אין היה
        הייתה היו יהיה מה מי מתי איפה איך למה מדוע כמה איזה איזו כל רק עוד כבר בין אחרי לפני עד ידי כך כמו לו לה להם
        שלו שלה שלהם
    """,
    "bn": """
        এবং ও আর এই সেই যে যা কি কী কে কখন কোথায় কেন কিভাবে কীভাবে কত কোন থেকে জন্য সঙ্গে সাথে মধ্যে উপর পরে আগে
        হয় হয়েছে হবে ছিল ছিলেন আছে নেই না করে করা করতে করেন একটি এক তার তাদের আমার আমি আমরা তুমি আপনি সে তারা এর
        এতে দিয়ে কিন্তু অথবা বা যদি তাহলে
    """,
    "fa": """
        و در به از که این آن را با برای است بود شد شده می های تا یا هم اما اگر نه بر هر چه چرا کجا کی چگونه چند کدام
        من تو او ما شما آنها ایشان خود دارد دارند داشت باشد بودند شود کرد کرده کند پس پیش بین روی زیر یک نیز دیگر
        هیچ همه بسیار ترین تر
    """,
    "vi": """
        là của và các có được cho trong với không này một những khi đã để từ như ở đến thì mà bị về vào do cũng nào gì
        sao đâu bao nhiêu ai thế tại vì đó phải đang sẽ rằng nếu cái hơn nhất trên dưới bằng lại đây kia ấy rất chỉ còn
        nên hoặc nhưng tôi bạn chúng ta hãy mấy bởi giữa
    """,
    "th": """
        อะไร ใคร เมื่อไร เมื่อไหร่ เมื่อใด ที่ไหน ไหน อย่างไร ยังไง ทำไม กี่ เท่าไร เท่าไหร่ เท่าใด ใด หรือไม่ หรือ คือ เป็น
        ที่ และ ของ ใน ได้ ให้ ว่า จะ มี การ ความ ไม่ กับ จาก โดย ซึ่ง นี้ นั้น แต่ ก็ ถูก อยู่ ต้อง เพื่อ เมื่อ แล้ว ขึ้น ด้วย
        ตาม ถึง กัน บ้าง ต่อ สิ่งใด ผู้ใด
    """,
    "zh": """
        的 了 是 在 和 与 什么 什麼 怎么 怎麼 怎样 怎樣 如何 为什么 為什麼 哪 哪里 哪裡 哪些 哪个 哪個 谁 誰
        何时 何時 多少 几 幾 吗 嗎 呢 这 這 那 我 你 您 他 她 它 我们 我們 可以 需要 应该 應該 以及 或者
        还是 還是 有没有 有沒有
    """,
    "ja": """
        は が を に で の と も へ です ます ですか ますか でしょうか した して する される
        とは どの どれ どこ どう いつ 誰 何 なに なぜ
        どのように どのような どのくらい どれくらい いくつ いくら この その あの これ それ ここ という について
    """,
    "ko": """
        이 그 저 것 수 등 및 또는 그리고 무엇 무엇을 무엇이 무엇인가 무엇입니까 누구 누가 언제 어디 어디서
        어디에서 어디에 왜 어떻게
        어떤 어느 몇 얼마나 얼마 하는 있는 있습니까 합니까 입니까 인가요 나요 되는 된 한 할 수 있다 있나요 위해 대한
    """,
}
STOP_WORDS = {language: frozenset(fold(listed).split()) for language, listed in _LISTS.items()}
"""The folded words that say little, by language (ISO 639-1)."""


def without_small_words(run: str, *, language: str) -> list[str]:
    """Return what is left of a folded run of letters in a script that puts no space between words, where its small
    words are taken out. Some may be parts of others."""
    return _small_words(language).sub(" ", run).split() if stop_words(language) else [run]


@cache
def _small_words(language: str) -> re.Pattern[str]:
    return re.compile("|".join(sorted(stop_words(language), key=len, reverse=True)))


# What people ask with, beyond the small words: it need not stand in what answers.
_ASKING = {
    "en": frozenset(
        """according also another could describe document documents done either else ever every explain get gets give
        given kind let like make makes many may mentioned might much must name one per please show specific take tell
        text type upon us use used using way whether whose within without would yes""".split()
    ),
    "de": frozenset(
        """beschreib beschreibe beschreiben bitte dokument dokumente dokumenten erklär erkläre erklären geben genannt
        genau gib gibt gilt gab heißt hieß laut lautet lautete mehr nenn nenne nennen sag sage sagen sagt steht text
        welchem welchen welcher welches zeig zeige zeigen""".split()
    ),
}
