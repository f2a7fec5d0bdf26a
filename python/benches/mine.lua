-- mine.ksy for Wireshark and tshark, as such dissectors usually are written. It leaves out the check.
local mine = Proto("mine", "Mine")
local kind = ProtoField.uint8("mine.kind", "kind", base.DEC, { [1] = "login", [2] = "logout", [3] = "data" })
local id = ProtoField.uint32("mine.id", "id")
local text = ProtoField.string("mine.text", "text", base.UNICODE)
mine.fields = { kind, id, text }

function mine.dissector(tvb, pinfo, tree)
    local at = 0
    while at < tvb:len() do
        local left = tvb:len() - at
        local total = left >= 7 and 11 + tvb(at + 1, 2):uint() or nil
        if total == nil or total > left then
            pinfo.desegment_offset = at
            pinfo.desegment_len = total and total - left or DESEGMENT_ONE_MORE_SEGMENT
            return tvb:len()
        end
        local message = tree:add(mine, tvb(at, total))
        message:add(kind, tvb(at, 1))
        message:add(id, tvb(at + 3, 4))
        message:add(text, tvb(at + 7, total - 11))
        at = at + total
    end
    return at
end

DissectorTable.get("tcp.port"):add(9000, mine)
