"""Mail providers where everybody can have an address: their domain is not a company's.

Registered domains, as :func:`clean_domain` writes them. A project adds its own by the option
``free_mail`` of the step ``normalise``.
"""

from __future__ import annotations

FREE_MAIL = frozenset(
    """
    126.com 139.com 163.com 189.cn aim.com aliyun.com alice.it aol.com arcor.de att.net bbox.fr
    bell.net bellsouth.net bigpond.com bluewin.ch bol.com.br btinternet.com charter.net
    comcast.net cox.net daum.net duck.com earthlink.net email.com email.cz eircom.net fastmail.com
    fastmail.fm free.fr freemail.hu freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.fr
    gmx.net googlemail.com hanmail.net hey.com hotmail.be hotmail.ch hotmail.co.uk hotmail.com
    hotmail.com.br hotmail.de hotmail.es hotmail.fr hotmail.it hotmail.nl hotmail.se hushmail.com
    icloud.com inbox.com inbox.lv interia.pl juno.com kpnmail.nl laposte.net libero.it list.ru
    live.be live.ca live.co.uk live.com live.com.au live.de live.fr live.it live.nl live.se mac.com
    mail.com mail.de mail.ru mailbox.org me.com msn.com naver.com netcologne.de ntlworld.com
    o2.pl online.de onet.pl optonline.net optusnet.com.au orange.fr outlook.be outlook.com
    outlook.com.br outlook.de outlook.es outlook.fr outlook.it pm.me posteo.de proton.me
    protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com rocketmail.com rogers.com
    sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca sina.com skynet.be sky.com sohu.com sympatico.ca
    t-online.de talktalk.net telenet.be telus.net terra.com.br tin.it tiscali.it tuta.com tuta.io
    tutanota.com tutanota.de uol.com.br ukr.net verizon.net virgilio.it virginmedia.com
    vodafone.it wanadoo.fr web.de wp.pl xs4all.nl xtra.co.nz ya.ru yahoo.ca yahoo.co.id
    yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.ar yahoo.com.au yahoo.com.br
    yahoo.com.mx yahoo.de yahoo.es yahoo.fr yahoo.in yahoo.it yahoo.se yandex.com yandex.ru yeah.net
    ymail.com zoho.com
    """.split()
)
