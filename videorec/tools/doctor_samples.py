"""A video of two grey frames, 64 x 64 px, in each codec: what OpenCV can read on a machine shows by reading."""

import base64
import zlib

# Codec and ending: the compressed file. Made with PyAV.
_FILES = {
    ("H.264", ".mp4"): (
        "c-oCrUx*wv7|-"
        "t2qD6d=f`TW_X%!#3voo{X^;{gdau!!qI0TD`Fl3U<&ajh7F3Ilgo*;q+eetz|i1;c<K@h|Tp<qFw527G=;6smsD1yF8AGGV2S+6%;tr(Jgz"
        "kL6a@6QZE2&Z<Yaw7#oP2?!7kW6SGR5w5f-I;36LAEa#u|PjKddGbJ-VbMg{`|+i!KW8aeUJAZ{`I$M*z4jJrc!ep^iBgDc))5uzjgNMRu`W"
        "+w+S-FDF`;DniV{?IQ0EaEA&IBoms2;?e@;jjyK5}mjx+3sfTUn*UPLZKu0Q@%hL2QB?+NXfHhB}4rV+lBppRT-|zdFl%$v$9{JNw-"
        "=79S2MZo$e2UFD0rWUlW(KCP$C^cf=YtV!SmaaAV&^dci&&F#$fKZ#X{MzhF_;F}YF-"
        "q%0kl3{XVe0q+amJe354y+l1E{1DhO~&jE$8U<;rO+9Bivtrm5jJYK7Ql8Z4ZnLdp@z;1D13Op#N5$nbHgt2<~eh;{GCOUrdZKneIsG1g=jQ"
        "z;a&aHfzVt4Ush3sBU=>7<$nZXj7ntY(077KMNbBg#dQ#7R!vO)S^Eiff1G!^|dtq~c{flnSH^rUKIupMmcvJnjDtW099|#D?;c)3J@ZKCW("
        "eDb?I$V6JI=Gh8RvG@?4iB7wZRu;37d9nZ(xE||#odH|JkTv0NOdQSi_maC|Xa|K0$hJYG^FR~5wchy9%L(iVzZ=FZ&`HkN%{&D4jub+8g|G"
        "RfS`S`O}-`xH7jjJcFJ$4tU+;isLHG1{6<~PUYH`d?2gwV>Gka7Z&LQFD-ZW${-"
        "!M24O$j!sixK(TUyn+66G+{mq85#k8#g3{wSN_G@);}!&&%GNrA8?X0Yk;ou!q}R{)}d|V3&C;%01LJpdkE_Ydhv2~Xl1O>2NL(8)-"
        "}($4|hOHR&b}&D4}#Ifa4QUIjukQBwNT<8T3c(QFo7Zffu;p8JiS<FB)rDP3L|0ce+g~T+kb60CaF$jpcFwd=7gTylyraIyT=&_YHx5wD;7b"
        "=UqvTxb3Sa2NzyyprhF@*RDKt>Cfxeo#k<8-"
        "9<_ptCtVF8C#|M;O=HMK^LN^^W9nn9$n%!YqH&?cKH(My$fGd*6e&($(UJJ!j}cFs2gkbazTkTQL3ni-"
        "pUs}@yLf(I)@L!Kb{;U?Kv_@d!ZM=^uxaZ3WRBy"
    ),
    ("HEVC (H.265)", ".mp4"): (
        "c-muNV30{GsVvAW&d+6FU}6B#Kx~v-"
        "U}DI?z`&7Kl$r{pwR2MvOMo=52IG3!hVP8g|M&fWa~>$b$HaJpv(6eQvTAnxW*Y_u=EU6m{4$_SPHtI73IhsYegPx`7#JBq2mu&TRiX1881M"
        "onAnGnDO3VhbV@k5Yb~0lzEdWC&G4?vZ9iWn$Qc?`0Wm0pBOOSK~AoMaZ=cZ&P0vQUqDd>JT0%8`1&?8`uZbnK@5lp5mGbI&SWf+j3?~$07l"
        "9LKj!?-RtGcOIu5Gl(A8;a~ql@y4aOiEE|8j_=UN{ez7AZ*6G;*z8sAp2c$NpT92ntK_kWrjF{0_1521`i<Zfl~!Kkof-"
        "}NS0)jB|9@RCIFcez`}AL82<eI@q>YZpIHHDii86r599y;AO*}I70e(cH+2T5B2ZG@iIEXaW`RN@>$I>;l~d0e8bAU-"
        "f~Q3ZsFvM@@nF#wB~avuB$X6Fql9-"
        "2%r(U&;OK(6oe7M9YJs7EEDpjlK(S;rF(xFrD%9l0APB@l5VMl=k@V>RaZ+hY2`C9f<)(sZ5Ku&pZeS8AN-"
        "QYIK@K|IOh}qiU0IS3GEf$n+Y(`c?vq%SW@e;k2t)=(0KhYS?E"
    ),
    ("AV1", ".mp4"): (
        "c-oB<%TB^Ta9SWyLZT5&I6zVpyot7rde94r7Y-hXi5`pzS=cr-bZOHrP2?n;ym%q;8;mFU2tUBj@Go$-"
        "1zAvxlbxN%&dkov%mRRB^LyV3JqDnHpd``_q$cx^4FK4%1It2s#wg+0EOP4G^r@+Dm|NR08D$FE5RKsZV_@cWHN9CGpBF_a0S6}&fK-NgUWA"
        "g%q7H>6NPXhg00qQafU<10D%apoz`NBW9*{2bcf1?lnffJK<A>*e?yY?%P_ZZvk(Mks<dR2Y;j6qb>JVf!Mpxf%BBtT`Jr=4R>IU<Z$f1^Od"
        "4sZ7Cq3#~!bZ7bPR~ZB5V1I@oMwe4XC)d~wv<$^AGlh=D?1@?xyX-"
        "09#Y9>BwD|w6ynh}s3WbfwOEDXbSicd85cvy!F+fgnm8|*eTxUPvgIEWgks3!lFs9+vq>sorm|jO33criohqFTmPZ20h`ULwwkP@Nh^;>5qD"
        "{BVim8A-xh2@ffcU;EKd<T}ecylOo(NdR4?^aJxg?Q&Y91Q6bn^=bi)YL"
    ),
    ("VP9", ".webm"): (
        "c-oV4y}x+AQ(GgW({~{L)X3uWxsk)EsiizMDc7mJk;$pGkx3%BA)S!{1Q@Rh`pz!d<-5B(cy)`Y=gPF;HH`})Jh6~<*+AY6-"
        "`zbxo>0i)^x!p3jM5OUOz`e(5O@C@h&c?A4736uS8dX|zOk9#$-"
        "%dw*C(+o&CE#85Qq$n!W~ihE}b0?ArNgK=kHqwb)D(;M#kc!9rvxeT9lmf&(CROP}(}Dxil}OqmiMlH7q_Xz_PiKQTcIm3sX`Q!-"
        "KXBjSjmS9YB7*QCz$r`9MSZiCM0T+g<&f{asvxT-s4>EiT@ae4slSVSf6Fg|3S`Ttb5!Lp=TcT-"
        "qla7+8Uko`Hn{1Te@uZ!10Yypdt?qDBUWh9=KuCkEyZ%-<L+RAeN)7#Iu^7#Py+|Nk-"
        "lX}y_Y@ytdB4Td%bhe;n89T*sRfO3q+e?34x14YEd-Tj*z8Mb!;Bm83%W5tI?W&m+#oGt"
    ),
    ("MPEG-4", ".mp4"): (
        "c-oCqy-O=W5TComkHSJRg<ymT+Ntm5cu%Y(B0>tmSZJXZUb1_5c<aU6^*{?vsi1}a1-"
        "5pgsHKfq2o_?eg_gGVf^T*&dD+W*5r^HInVsLv&c_}Aq#dzYcDc_0OpqM6#mc|30MPCPlp;T3#1;U?IdrxmyX;(^-"
        "CNx0WgqP7{qp4+;P_C}Z=ZG3>tP&P5AwRc9}n`d-!#ZW9Gb{7-w!b}kA*7)Vw8BpPXP>&t4>B7)u`v-"
        "OEPgSiojk)c}c9QI}`tjR`|#BJNM@PCNMyW;K<X|<3jT&)P0RdMqC?(3?q%TTey=jccYZy72*XoOXw1+Bj-"
        "`~^Y$9?sKglC%w2O(NQF!V)zcgxku6OE>S#%IYy@5=l8tdLiXO^OTyUac?(ivvO<Ey~&Osh|zA2)SdOkn#yG%LZYS@)ZWd_}n$R{#g3i4Y%0"
        "BFIJ9~kjeW_PjI9R)WsaC5K=_hzy^HHqrkv>ld4tr2T%B>U59MIXbIT_}p6+Wsh-"
        "yqOC%np&QwTG$n=xTKv|ZHlMRwpF!FRnPIP<ZJjL+{Fzd<VY77Ra{cPK0X|IV3*6D-il#2dLx4;!j}R2@F%rvO~kq!tSf8Dy8ZyQ@v$="
    ),
    ("MPEG-2", ".mpg"): (
        "c-"
        "muNVBDq1z{tRO*f^bmfpIqjCy1f=|G|T2K<)!Z0Ye7n>WzX7%<&U}{LL&34#NNcKVSf|w~BND^?_JB7&sUl7(g8U|35%7{r^8ZHUJrn!jCRZ"
        ">DcKNr1VtNqkGCyB?X`$6E;C+Y=SJ<1aUi|0jm?FUtn<pHbG`=f-Kks_pzPi|33;w!6+C7qhJ&aVE_Q02qky"
    ),
    ("ProRes", ".mov"): (
        "c-qxdKTpCy6n`xROhgA|z{pS&Mm5O5N(Vz2H0dIf%h_wwhL&P`l<1;ib@fB&_i!*yeh3CXf`bXZUJD$5LP(r^z1R2W-"
        "uvCXcXt3#wAfwmmZ>U$42guTfkRCI>C>Zxp*?bpo(0bU7bG%31MLxHSq8``>nWRxY$|f8$a9&?=l`0o;pSSPRAD#ystPC|AAXO2hK*rkbL;="
        "rxc4sBv5AG}`{Mb2gmA7G*%am|^MyYhB#6h1r1_{tTZ6TP?UVOeKsu;jvkqS~vjR<D%G_jKZMuPqNm+=pY`P&6GW1!l^yE>8prU$ovGy9W0u"
        "N(uoY>S2V#TxFAmZ;}Muj#y{1)j_*Tf*H?m1lx{l&=RpyD=<CqNW|`hly8K-=epktq&TXo6FwfoTZ^6w<s{{|MQQi_!{NNQIa-"
        "=^3`zre^a}=e>^^FEZX9;Jm7_%TyZ2jVOhTw{(&tCx}qS)eXU)&T(19x%+f(l={(U_(FUI`KV7>d=v+-;UIvWt2cadR=sw5hND{h1$w}XW&"
    ),
}


def files() -> dict[tuple[str, str], bytes]:
    """The bytes of each file, by `(codec, ending of its name)`."""
    return {key: zlib.decompress(base64.b85decode(text)) for key, text in _FILES.items()}
