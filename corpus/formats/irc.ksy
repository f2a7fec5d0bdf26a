# IRC: lines of a source, a command and its parameters. A client registers first; the server's reply 001 says that it has.
# Sources: RFC 1459, RFC 2812, and IRCv3's message tags and capabilities.
meta:
  id: irc
  title: IRC
  encoding: UTF-8
  -framescope:
    transport: tcp
    ports: 6667
    kind: kind
    conversation:
      client: registering
      server: welcoming
      middle: {client: registered, server: answering}
      states:
        registering: {read: request}
        registered: {read: request}
        welcoming:
          read: response
          then:
            - {when: kind == kind::rpl_welcome, next: answering, peer: registered}
        answering: {read: response}
types:
  request:
    meta:
      -framescope: {summary: '{request}'}
    seq:
      - {id: request, type: line, terminator: 13, consume: false}
      - {id: line_end, contents: [13, 10]}
    instances:
      kind: {value: request.kind}
  response:
    meta:
      -framescope: {summary: '{response}'}
    seq:
      - {id: response, type: line, terminator: 13, consume: false}
      - {id: line_end, contents: [13, 10]}
    instances:
      kind: {value: response.kind}
  line:
    seq:
      - {id: tags, type: tags, if: first == 0x40}
      - {id: source, type: source, if: second == 0x3a}
      - id: command
        type: str
        terminator: 0x20
        consume: false
        eos-error: false
        doc: A word, or three digits in a reply.
      - {id: param, type: param, repeat: eos}
    instances:
      first: {pos: 0, type: u1}
      second: {pos: _io.pos, type: u1}
      kind:
        value: >-
          command.length == 3 and command <= "999" ? command.to_i
          : command == "PASS" ? 1001
          : command == "NICK" ? 1002
          : command == "USER" ? 1003
          : command == "CAP" ? 1004
          : command == "AUTHENTICATE" ? 1005
          : command == "OPER" ? 1006
          : command == "QUIT" ? 1007
          : command == "ERROR" ? 1008
          : command == "PING" ? 1009
          : command == "PONG" ? 1010
          : command == "JOIN" ? 1011
          : command == "PART" ? 1012
          : command == "MODE" ? 1013
          : command == "TOPIC" ? 1014
          : command == "NAMES" ? 1015
          : command == "LIST" ? 1016
          : command == "INVITE" ? 1017
          : command == "KICK" ? 1018
          : command == "PRIVMSG" ? 1019
          : command == "NOTICE" ? 1020
          : command == "WHO" ? 1021
          : command == "WHOIS" ? 1022
          : command == "WHOWAS" ? 1023
          : command == "AWAY" ? 1024
          : command == "ISON" ? 1025
          : command == "USERHOST" ? 1026
          : command == "KILL" ? 1027
          : command == "WALLOPS" ? 1028
          : command == "MOTD" ? 1029
          : command == "LUSERS" ? 1030
          : command == "VERSION" ? 1031
          : command == "STATS" ? 1032
          : command == "LINKS" ? 1033
          : command == "TIME" ? 1034
          : command == "ADMIN" ? 1035
          : command == "INFO" ? 1036
          : 0
        enum: kind
    -webide-representation: '{source} {command} {param[0]} {param[1]} {param[2]} {param[3]}'
  tags:
    seq:
      - {id: sign, contents: '@'}
      - {id: text, type: str, terminator: 0x20, doc: 'Pairs like key=value, with semicolons between them.'}
    -webide-representation: '{text}'
  source:
    seq:
      - {id: sign, contents: ':'}
      - {id: name, type: str, terminator: 0x20, doc: 'A server, or nick!user@host.'}
    -webide-representation: '{name}'
  param:
    seq:
      - {id: space, contents: ' '}
      - {id: colon, contents: ':', if: first == 0x3a}
      - {id: middle, type: str, terminator: 0x20, consume: false, eos-error: false, if: first != 0x3a}
      - {id: trailing, type: str, size-eos: true, if: first == 0x3a, doc: The last one may have spaces.}
    instances:
      first: {pos: _io.pos, type: u1}
    -webide-representation: '{middle}{trailing}'
enums:
  kind:
    0: other
    1: {id: rpl_welcome, -orig-id: RPL_WELCOME}
    2: {id: rpl_yourhost, -orig-id: RPL_YOURHOST}
    3: {id: rpl_created, -orig-id: RPL_CREATED}
    4: {id: rpl_myinfo, -orig-id: RPL_MYINFO}
    5: {id: rpl_isupport, -orig-id: RPL_ISUPPORT}
    219: {id: rpl_endofstats, -orig-id: RPL_ENDOFSTATS}
    221: {id: rpl_umodeis, -orig-id: RPL_UMODEIS}
    242: {id: rpl_statsuptime, -orig-id: RPL_STATSUPTIME}
    250: {id: rpl_statsconn, -orig-id: RPL_STATSCONN}
    251: {id: rpl_luserclient, -orig-id: RPL_LUSERCLIENT}
    252: {id: rpl_luserop, -orig-id: RPL_LUSEROP}
    253: {id: rpl_luserunknown, -orig-id: RPL_LUSERUNKNOWN}
    254: {id: rpl_luserchannels, -orig-id: RPL_LUSERCHANNELS}
    255: {id: rpl_luserme, -orig-id: RPL_LUSERME}
    256: {id: rpl_adminme, -orig-id: RPL_ADMINME}
    257: {id: rpl_adminloc1, -orig-id: RPL_ADMINLOC1}
    258: {id: rpl_adminloc2, -orig-id: RPL_ADMINLOC2}
    259: {id: rpl_adminemail, -orig-id: RPL_ADMINEMAIL}
    263: {id: rpl_tryagain, -orig-id: RPL_TRYAGAIN}
    265: {id: rpl_localusers, -orig-id: RPL_LOCALUSERS}
    266: {id: rpl_globalusers, -orig-id: RPL_GLOBALUSERS}
    301: {id: rpl_away, -orig-id: RPL_AWAY}
    302: {id: rpl_userhost, -orig-id: RPL_USERHOST}
    303: {id: rpl_ison, -orig-id: RPL_ISON}
    305: {id: rpl_unaway, -orig-id: RPL_UNAWAY}
    306: {id: rpl_nowaway, -orig-id: RPL_NOWAWAY}
    311: {id: rpl_whoisuser, -orig-id: RPL_WHOISUSER}
    312: {id: rpl_whoisserver, -orig-id: RPL_WHOISSERVER}
    313: {id: rpl_whoisoperator, -orig-id: RPL_WHOISOPERATOR}
    314: {id: rpl_whowasuser, -orig-id: RPL_WHOWASUSER}
    315: {id: rpl_endofwho, -orig-id: RPL_ENDOFWHO}
    317: {id: rpl_whoisidle, -orig-id: RPL_WHOISIDLE}
    318: {id: rpl_endofwhois, -orig-id: RPL_ENDOFWHOIS}
    319: {id: rpl_whoischannels, -orig-id: RPL_WHOISCHANNELS}
    321: {id: rpl_liststart, -orig-id: RPL_LISTSTART}
    322: {id: rpl_list, -orig-id: RPL_LIST}
    323: {id: rpl_listend, -orig-id: RPL_LISTEND}
    324: {id: rpl_channelmodeis, -orig-id: RPL_CHANNELMODEIS}
    329: {id: rpl_creationtime, -orig-id: RPL_CREATIONTIME}
    331: {id: rpl_notopic, -orig-id: RPL_NOTOPIC}
    332: {id: rpl_topic, -orig-id: RPL_TOPIC}
    333: {id: rpl_topicwhotime, -orig-id: RPL_TOPICWHOTIME}
    341: {id: rpl_inviting, -orig-id: RPL_INVITING}
    346: {id: rpl_invitelist, -orig-id: RPL_INVITELIST}
    347: {id: rpl_endofinvitelist, -orig-id: RPL_ENDOFINVITELIST}
    348: {id: rpl_exceptlist, -orig-id: RPL_EXCEPTLIST}
    349: {id: rpl_endofexceptlist, -orig-id: RPL_ENDOFEXCEPTLIST}
    351: {id: rpl_version, -orig-id: RPL_VERSION}
    352: {id: rpl_whoreply, -orig-id: RPL_WHOREPLY}
    353: {id: rpl_namreply, -orig-id: RPL_NAMREPLY}
    364: {id: rpl_links, -orig-id: RPL_LINKS}
    365: {id: rpl_endoflinks, -orig-id: RPL_ENDOFLINKS}
    366: {id: rpl_endofnames, -orig-id: RPL_ENDOFNAMES}
    367: {id: rpl_banlist, -orig-id: RPL_BANLIST}
    368: {id: rpl_endofbanlist, -orig-id: RPL_ENDOFBANLIST}
    369: {id: rpl_endofwhowas, -orig-id: RPL_ENDOFWHOWAS}
    371: {id: rpl_info, -orig-id: RPL_INFO}
    372: {id: rpl_motd, -orig-id: RPL_MOTD}
    374: {id: rpl_endofinfo, -orig-id: RPL_ENDOFINFO}
    375: {id: rpl_motdstart, -orig-id: RPL_MOTDSTART}
    376: {id: rpl_endofmotd, -orig-id: RPL_ENDOFMOTD}
    378: {id: rpl_whoishost, -orig-id: RPL_WHOISHOST}
    379: {id: rpl_whoismodes, -orig-id: RPL_WHOISMODES}
    381: {id: rpl_youreoper, -orig-id: RPL_YOUREOPER}
    382: {id: rpl_rehashing, -orig-id: RPL_REHASHING}
    391: {id: rpl_time, -orig-id: RPL_TIME}
    401: {id: err_nosuchnick, -orig-id: ERR_NOSUCHNICK}
    402: {id: err_nosuchserver, -orig-id: ERR_NOSUCHSERVER}
    403: {id: err_nosuchchannel, -orig-id: ERR_NOSUCHCHANNEL}
    404: {id: err_cannotsendtochan, -orig-id: ERR_CANNOTSENDTOCHAN}
    405: {id: err_toomanychannels, -orig-id: ERR_TOOMANYCHANNELS}
    406: {id: err_wasnosuchnick, -orig-id: ERR_WASNOSUCHNICK}
    411: {id: err_norecipient, -orig-id: ERR_NORECIPIENT}
    412: {id: err_notexttosend, -orig-id: ERR_NOTEXTTOSEND}
    421: {id: err_unknowncommand, -orig-id: ERR_UNKNOWNCOMMAND}
    422: {id: err_nomotd, -orig-id: ERR_NOMOTD}
    431: {id: err_nonicknamegiven, -orig-id: ERR_NONICKNAMEGIVEN}
    432: {id: err_erroneusnickname, -orig-id: ERR_ERRONEUSNICKNAME}
    433: {id: err_nicknameinuse, -orig-id: ERR_NICKNAMEINUSE}
    436: {id: err_nickcollision, -orig-id: ERR_NICKCOLLISION}
    441: {id: err_usernotinchannel, -orig-id: ERR_USERNOTINCHANNEL}
    442: {id: err_notonchannel, -orig-id: ERR_NOTONCHANNEL}
    443: {id: err_useronchannel, -orig-id: ERR_USERONCHANNEL}
    451: {id: err_notregistered, -orig-id: ERR_NOTREGISTERED}
    461: {id: err_needmoreparams, -orig-id: ERR_NEEDMOREPARAMS}
    462: {id: err_alreadyregistred, -orig-id: ERR_ALREADYREGISTRED}
    464: {id: err_passwdmismatch, -orig-id: ERR_PASSWDMISMATCH}
    465: {id: err_yourebannedcreep, -orig-id: ERR_YOUREBANNEDCREEP}
    471: {id: err_channelisfull, -orig-id: ERR_CHANNELISFULL}
    472: {id: err_unknownmode, -orig-id: ERR_UNKNOWNMODE}
    473: {id: err_inviteonlychan, -orig-id: ERR_INVITEONLYCHAN}
    474: {id: err_bannedfromchan, -orig-id: ERR_BANNEDFROMCHAN}
    475: {id: err_badchannelkey, -orig-id: ERR_BADCHANNELKEY}
    481: {id: err_noprivileges, -orig-id: ERR_NOPRIVILEGES}
    482: {id: err_chanoprivsneeded, -orig-id: ERR_CHANOPRIVSNEEDED}
    491: {id: err_nooperhost, -orig-id: ERR_NOOPERHOST}
    501: {id: err_umodeunknownflag, -orig-id: ERR_UMODEUNKNOWNFLAG}
    502: {id: err_usersdontmatch, -orig-id: ERR_USERSDONTMATCH}
    1001: {id: pass, -orig-id: PASS}
    1002: {id: nick, -orig-id: NICK}
    1003: {id: user, -orig-id: USER}
    1004: {id: cap, -orig-id: CAP}
    1005: {id: authenticate, -orig-id: AUTHENTICATE}
    1006: {id: oper, -orig-id: OPER}
    1007: {id: quit, -orig-id: QUIT}
    1008: {id: error, -orig-id: ERROR}
    1009: {id: ping, -orig-id: PING}
    1010: {id: pong, -orig-id: PONG}
    1011: {id: join, -orig-id: JOIN}
    1012: {id: part, -orig-id: PART}
    1013: {id: mode, -orig-id: MODE}
    1014: {id: topic, -orig-id: TOPIC}
    1015: {id: names, -orig-id: NAMES}
    1016: {id: list, -orig-id: LIST}
    1017: {id: invite, -orig-id: INVITE}
    1018: {id: kick, -orig-id: KICK}
    1019: {id: privmsg, -orig-id: PRIVMSG}
    1020: {id: notice, -orig-id: NOTICE}
    1021: {id: who, -orig-id: WHO}
    1022: {id: whois, -orig-id: WHOIS}
    1023: {id: whowas, -orig-id: WHOWAS}
    1024: {id: away, -orig-id: AWAY}
    1025: {id: ison, -orig-id: ISON}
    1026: {id: userhost, -orig-id: USERHOST}
    1027: {id: kill, -orig-id: KILL}
    1028: {id: wallops, -orig-id: WALLOPS}
    1029: {id: motd, -orig-id: MOTD}
    1030: {id: lusers, -orig-id: LUSERS}
    1031: {id: version, -orig-id: VERSION}
    1032: {id: stats, -orig-id: STATS}
    1033: {id: links, -orig-id: LINKS}
    1034: {id: time, -orig-id: TIME}
    1035: {id: admin, -orig-id: ADMIN}
    1036: {id: info, -orig-id: INFO}
