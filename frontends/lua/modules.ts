/**
 * Modules that BCC's Lua scripts ask for and that need nothing of ours, in Lua: `ffi` of LuaJIT, as far as there is something to it here (values of
 * tables and events are Lua's own already), and the option parser that bcc-lua hands out as `utils.argparse` (the part of
 * https://argparse.readthedocs.io that its scripts use).
 */

/** Answers require('ffi'). */
export const FFI = `
local ffi = {}
-- Text of a program's char array is a string here; an array of numbers is its bytes. Without a length up to the first NUL, as in LuaJIT.
function ffi.string(value, length)
  if type(value) == 'table' then
    local bytes = {}
    -- Arrays of C count from 0, lists of Lua from 1.
    for i = value[0] == nil and 1 or 0, #value do bytes[#bytes + 1] = string.char(value[i] % 256) end
    value = table.concat(bytes)
  elseif type(value) ~= 'string' then
    error('ffi.string: text or an array of bytes is needed, not ' .. type(value), 2)
  end
  if length then return value:sub(1, tonumber(length)) end
  return (value:gsub('%z.*', ''))
end
return setmetatable(ffi, {
  __index = function(_, name)
    error('ffi.' .. tostring(name) .. ': there is no C memory in this Lua; of ffi it has ffi.string', 2)
  end,
})
`;

/** Answers utils.argparse. */
export const ARGPARSE = `
local Element = {}
Element.__index = Element
function Element:convert(f) self.converter = f return self end
function Element:default(value) self.otherwise = value return self end
function Element:args(count) self.count = tostring(count) return self end
function Element:description(text) self.about = text return self end
function Element:target(key) self.key = key return self end
function Element:choices(list) self.allowed = list return self end

local function element(kind, names, about, otherwise)
  local self = setmetatable({ kind = kind, names = {}, about = about, otherwise = otherwise, count = '1' }, Element)
  for name in names:gmatch('%S+') do
    self.names[#self.names + 1] = name
    if not self.key or (name:starts('--') and not self.long) then
      self.key, self.long = (name:gsub('^%-+', ''):gsub('-', '_')), name:starts('--')
    end
  end
  return self
end

local Parser = {}
Parser.__index = Parser
function Parser:add(new)
  local list = new.kind == 'argument' and self.arguments or self.options
  list[#list + 1] = new
  for _, name in ipairs(new.names) do self.named[name] = new end
  return new
end
function Parser:flag(names, about) return self:add(element('flag', names, about)) end
function Parser:option(names, about, otherwise) return self:add(element('option', names, about, otherwise)) end
function Parser:argument(name, about, otherwise) return self:add(element('argument', name, about, otherwise)) end
function Parser:mutex(...) self.exclusive[#self.exclusive + 1] = { ... } end
function Parser:fail(text) error(('%s: %s (-h says what there is)'):format(self.name, text), 0) end

function Parser:help()
  local lines = { 'Usage: ' .. self.name .. (#self.options > 0 and ' [OPTIONS]' or '') }
  for _, one in ipairs(self.arguments) do lines[1] = lines[1] .. ' <' .. one.names[1] .. '>' end
  if self.about then lines[#lines + 1] = '\\n' .. self.about end
  for _, title in ipairs({ 'arguments', 'options' }) do
    if #self[title] > 0 then lines[#lines + 1] = '\\n' .. title:sub(1, 1):upper() .. title:sub(2) .. ':' end
    for _, one in ipairs(self[title]) do
      local names = table.concat(one.names, ', ') .. (one.kind == 'option' and ' <' .. one.key .. '>' or '')
      local default = one.otherwise ~= nil and (' (default: %s)'):format(tostring(one.otherwise)) or ''
      lines[#lines + 1] = ('   %-24s %s%s'):format(names, one.about or '', default)
    end
  end
  return table.concat(lines, '\\n')
end

function Parser:value(one, text)
  if one.allowed then
    local found = false
    for _, choice in ipairs(one.allowed) do found = found or choice == text end
    if not found then self:fail(("'%s' is none of: %s"):format(text, table.concat(one.allowed, ', '))) end
  end
  if not one.converter then return text end
  local value, problem = one.converter(text)
  if value == nil then self:fail(problem or ("'%s' is no value of %s"):format(text, one.names[#one.names])) end
  return value
end

function Parser:parse(given)
  local words, result, place, at, plain = given or arg or {}, {}, 1, 1, false
  local function positional(word)
    local one = self.arguments[place]
    if not one then self:fail(("too many arguments: '%s'"):format(word)) end
    if one.count == '*' or one.count == '+' then
      result[one.key] = result[one.key] or {}
      table.insert(result[one.key], self:value(one, word))
    else
      result[one.key], place = self:value(one, word), place + 1
    end
  end
  while at <= #words do
    local word = words[at]
    at = at + 1
    local name, value = word:match('^(%-%-[^=]+)=(.*)$')
    name = name or word
    if plain or word == '-' or not word:starts('-') then positional(word)
    elseif word == '--' then plain = true
    elseif (word == '-h' or word == '--help') and not self.named[word] then
      print(self:help())
      os.exit(0)
    else
      local one = self.named[name]
      if not one and word:match('^%-[^-].') then
        -- -p5 is -p 5, -ab is -a -b.
        one, value = self.named[word:sub(1, 2)], word:sub(3)
        if one and one.kind == 'flag' then
          at, value = at - 1, nil
          words = { unpack(words) }
          words[at] = '-' .. word:sub(3)
        end
      end
      if not one then self:fail(("there is no option '%s'"):format(name)) end
      if one.kind == 'flag' then result[one.key] = true
      else
        if value == nil then value, at = words[at], at + 1 end
        if value == nil then self:fail(("option '%s' needs a value"):format(name)) end
        result[one.key] = self:value(one, value)
      end
    end
  end
  for _, list in ipairs({ self.arguments, self.options }) do
    for _, one in ipairs(list) do
      if result[one.key] == nil then result[one.key] = one.otherwise end
      if result[one.key] == nil and one.kind == 'argument' and (one.count == '1' or one.count == '+') then
        self:fail(("argument '%s' is needed"):format(one.names[1]))
      end
    end
  end
  for _, group in ipairs(self.exclusive) do
    local first
    for _, one in ipairs(group) do
      if result[one.key] ~= nil and result[one.key] ~= one.otherwise then
        if first then self:fail(("'%s' and '%s' exclude each other"):format(first.names[1], one.names[1])) end
        first = one
      end
    end
  end
  return result
end

return function(name, about)
  name = name or (arg and arg[0]) or 'script'
  return setmetatable({ name = name, about = about, arguments = {}, options = {}, named = {}, exclusive = {} }, Parser)
end
`;
